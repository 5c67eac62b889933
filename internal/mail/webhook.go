package mail

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// webhookTimeout limits a whole request.
const webhookTimeout = 30 * time.Second

const (
	secretPrefix   = "whsec_"
	minSecretBytes = 24
	mailSendType   = "mail.send"
)

// A webhookSender sends each mail as a request, signed as Standard Webhooks
// specifies.
type webhookSender struct {
	url    string
	secret []byte
	client *http.Client
	now    func() time.Time
}

// payload is the body of a request.
type payload struct {
	Type      string      `json:"type"`
	Timestamp time.Time   `json:"timestamp"`
	Data      payloadMail `json:"data"`
}

type payloadMail struct {
	ID        string     `json:"id"`
	Kind      string     `json:"kind"`
	From      string     `json:"from"`
	FromName  string     `json:"fromName"`
	To        string     `json:"to"`
	Language  string     `json:"language"`
	Subject   string     `json:"subject"`
	Text      string     `json:"text"`
	HTML      *string    `json:"html"`
	ExpiresAt *time.Time `json:"expiresAt"`
}

func newWebhook(address, secret string, client *http.Client, now func() time.Time) (*webhookSender, error) {
	encoded, found := strings.CutPrefix(secret, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil || len(key) < minSecretBytes {
		return nil, fmt.Errorf("the secret must be %s and at least %d bytes in base64", secretPrefix, minSecretBytes)
	}
	return &webhookSender{url: address, secret: key, client: client, now: now}, nil
}

// Send posts a message. A status of 2xx accepts it; 400, 413 and 422 refuse it
// for good.
func (s *webhookSender) Send(ctx context.Context, m Message) error {
	if _, err := envelopeOf(m); err != nil {
		return err
	}
	now := s.now()
	body, err := json.Marshal(payload{Type: mailSendType, Timestamp: now.UTC(), Data: payloadMail{
		ID: m.ID, Kind: string(m.Kind), From: m.From, FromName: m.FromName, To: m.To, Language: m.Language,
		Subject: m.Subject, Text: m.Text, HTML: orNull(m.HTML, ""), ExpiresAt: orNull(m.ExpiresAt.UTC(), time.Time{}.UTC()),
	}})
	if err != nil {
		return fmt.Errorf("encoding the mail: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, webhookTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("making the request: %w", withoutURL(err))
	}
	id, timestamp := safeID(m.ID), strconv.FormatInt(now.Unix(), 10)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "rekey")
	request.Header.Set("Webhook-Id", id)
	request.Header.Set("Webhook-Timestamp", timestamp)
	request.Header.Set("Webhook-Signature", s.sign(id, timestamp, body))
	response, err := s.client.Do(request)
	if err != nil {
		return fmt.Errorf("calling the webhook: %w", withoutURL(err))
	}
	_ = response.Body.Close() // the status is all that counts
	switch code := response.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusBadRequest, code == http.StatusRequestEntityTooLarge, code == http.StatusUnprocessableEntity:
		return refused("the webhook answered %d", code)
	default:
		return fmt.Errorf("the webhook answered %d", code)
	}
}

// sign returns the signature of Standard Webhooks, version 1.
func (s *webhookSender) sign(id, timestamp string, body []byte) string {
	h := hmac.New(sha256.New, s.secret)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// withoutURL returns the cause of an error of net/http, which repeats the URL.
func withoutURL(err error) error {
	var urlErr *url.Error
	if errors.As(err, &urlErr) {
		return urlErr.Err
	}
	return err
}

func orNull[T comparable](value, zero T) *T {
	if value == zero {
		return nil
	}
	return &value
}
