// Package graphqlhttp serves a GraphQL schema over HTTP as the GraphQL-over-HTTP
// specification defines it: POST with JSON, GET for queries, both response media
// types with their own status rules, and subscriptions over WebSocket and as
// server-sent events. It decides what an HTTP request may look like, how much a
// document may cost, how an answer is encoded, and how many clients may stay
// connected.
//
// Of the core it knows only the error codes. It knows neither the meaning of
// the schema nor the caller. The presenter that it is given renders errors. An
// answer repeats nothing of a request's body except names of fields, arguments,
// types and variables.
package graphqlhttp

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// Options configure New.
type Options struct {
	// Present renders every error. Recover logs a panic and returns the error
	// that Present renders. Both are required.
	Present graphql.ErrorPresenterFunc
	Recover graphql.RecoverFunc
	// Admit is called before a request's body is read. Its error, an
	// *auth.Error, is the answer. If it is nil, every request is admitted.
	Admit func(r *http.Request) error
	// WithAnswer returns the context that an operation is executed in, given
	// the header of its answer, which is sent afterwards. It may be nil.
	WithAnswer func(ctx context.Context, header http.Header) context.Context
	// WithEnd returns the context that a subscription is executed in, and a
	// function that returns the error that ended it, if any, after its last
	// response. It may be nil.
	WithEnd func(ctx context.Context) (context.Context, func() error)
	// WithoutTimeout returns the context of a connection that stays open, given
	// that of its request, which has a time limit. The returned function is called
	// at the end. It may be nil.
	WithoutTimeout func(ctx context.Context) (context.Context, context.CancelFunc)
	// Extensions run in this order, after this package's own.
	Extensions []graphql.HandlerExtension
	// HideSchema refuses introspection, and removes from errors everything that
	// the client could learn about the schema.
	HideSchema bool
	// Streams serve subscriptions. If it is nil, there are no subscriptions.
	Streams *Streams
}

const allowedMethods = "GET, POST, OPTIONS"

type handler struct {
	options Options
	streams *Streams
	exec    *executor.Executor
	schema  *ast.Schema
	limits  limits
}

// New returns the handler of a GraphQL endpoint.
func New(schema graphql.ExecutableSchema, options Options) http.Handler {
	if options.Admit == nil {
		options.Admit = func(*http.Request) error { return nil }
	}
	if options.WithAnswer == nil {
		options.WithAnswer = func(ctx context.Context, _ http.Header) context.Context { return ctx }
	}
	if options.WithEnd == nil {
		options.WithEnd = func(ctx context.Context) (context.Context, func() error) { return ctx, func() error { return nil } }
	}
	if options.WithoutTimeout == nil {
		options.WithoutTimeout = context.WithCancel
	}
	h := &handler{options: options, streams: options.Streams, exec: executor.New(schema), schema: schema.Schema(), limits: defaultLimits()}
	h.exec.SetErrorPresenter(options.Present)
	h.exec.SetRecoverFunc(options.Recover)
	h.exec.SetParserTokenLimit(h.limits.tokens)
	h.exec.SetDefaultRulesFn(h.validationRules)
	cache := newDocumentCache()
	h.exec.SetQueryCache(cache)
	h.exec.Use(guard{cache: cache, limits: h.limits, hideSchema: options.HideSchema, facts: factsOf(h.schema)})
	for _, e := range options.Extensions {
		h.exec.Use(e)
	}
	return h
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = r.WithContext(graphql.StartOperationTrace(r.Context()))
	// Answers a panic outside the resolvers. Nothing has been written then, because
	// answers are written last.
	defer func() { //nolint:contextcheck // it uses the context of the request
		panicked := recover()
		if panicked == nil {
			return
		}
		if err, ok := panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(panicked)
		}
		ctx := r.Context()
		presented := h.options.Present(ctx, h.options.Recover(ctx, panicked))
		write(w, mediaJSON, http.StatusInternalServerError, &graphql.Response{Errors: gqlerror.List{presented}})
	}()
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowedMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	accept := negotiate(r.Header.Values("Accept"))
	if err := h.options.Admit(r); err != nil {
		h.turnAway(w, r, accept.media, err)
		return
	}
	if h.streams != nil && r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		h.serveSocket(w, r, accept.media)
		return
	}
	params, refused := h.read(r, accept)
	if refused != nil {
		h.refuse(w, r, accept.media, refused)
		return
	}
	h.execute(w, r, accept, params)
}

// turnAway answers a request that was not executed, so the status reports the
// error with either media type.
func (h *handler) turnAway(w http.ResponseWriter, r *http.Request, media mediaType, err error) {
	response := h.dispatch(r.Context(), auth.AsError(err))
	write(w, media, mediaGraphQL.executionStatus(response), response)
}

// refuse answers a request that is malformed or not supported.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, media mediaType, err *requestError) {
	if err.allow != "" {
		w.Header().Set("Allow", err.allow)
	}
	write(w, media, err.status, h.refusal(r.Context(), err))
}

// refusal returns the response for a request that is malformed or not supported.
func (h *handler) refusal(ctx context.Context, err *requestError) *graphql.Response {
	response := h.dispatch(ctx, auth.BadInput("", err.message))
	if err.code != "" {
		for _, e := range response.Errors {
			e.Extensions["code"] = err.code
		}
	}
	return response
}

// dispatch returns the response for an error.
func (h *handler) dispatch(ctx context.Context, err *auth.Error) *graphql.Response {
	return h.exec.DispatchError(ctx, gqlerror.List{{Err: err, Message: err.Message}})
}

func (h *handler) read(r *http.Request, accept accepted) (*graphql.RawParams, *requestError) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		return nil, errMethod(allowedMethods, "GraphQL is served to POST, and queries to GET")
	case !accept.answer && !accept.events:
		return nil, errNotAcceptable()
	case r.Method == http.MethodGet:
		return readGet(r, h.limits.bodyBytes)
	}
	return readPost(r, h.limits.bodyBytes)
}

func (h *handler) execute(w http.ResponseWriter, r *http.Request, accept accepted, params *graphql.RawParams) {
	ctx := r.Context()
	params.Headers = r.Header
	operation, response := h.createOperation(ctx, params)
	if response != nil {
		status := http.StatusOK // for old clients
		if accept.media == mediaGraphQL {
			status = http.StatusBadRequest
		}
		write(w, accept.media, status, response)
		return
	}
	if err := h.check(r.Method, accept, operation); err != nil {
		h.refuse(w, r, accept.media, err)
		return
	}
	if operation.Operation.Operation == ast.Subscription {
		h.streamEvents(w, r, accept.media, operation)
		return
	}
	responses, ctx := h.exec.DispatchOperation(h.options.WithAnswer(ctx, w.Header()), operation)
	response = responses(ctx)
	if response == nil { // the client left, or the time is up
		response = h.dispatch(ctx, auth.Unavailable(context.Cause(ctx)))
	}
	write(w, accept.media, accept.media.executionStatus(response), response)
}

// createOperation reads and validates a document. If it is not valid, refused
// is the response.
func (h *handler) createOperation(ctx context.Context, params *graphql.RawParams) (operation *graphql.OperationContext, refused *graphql.Response) {
	operation, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) == 0 {
		if err := h.checkVariables(operation.Operation, params.Variables); err != nil {
			errs = gqlerror.List{{Err: err, Message: err.Message}}
		}
	}
	if len(errs) > 0 {
		return nil, h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), h.clientSafe(errs, operation, params.Variables))
	}
	return operation, nil
}

// check refuses operations that the method or the media type cannot serve. GET
// serves neither mutations nor fields with arguments: a link must not change
// anything, and URLs are stored in logs and histories. It serves subscriptions
// without arguments, because gateways subscribe by GET.
func (h *handler) check(method string, accept accepted, operation *graphql.OperationContext) *requestError {
	kind := operation.Operation.Operation
	switch {
	case method == http.MethodGet && kind == ast.Mutation:
		return errMethod(http.MethodPost, "mutations are not served to GET; use POST")
	case method == http.MethodGet && hasArguments(operation):
		return errMethod(http.MethodPost, "fields with arguments are not served to GET; use POST")
	case kind == ast.Subscription && (!accept.events || h.streams == nil):
		return errBadRequest("subscriptions are served over WebSocket, and with Accept: " + string(mediaEvents))
	case kind == ast.Subscription:
		return checkSubscription(operation)
	case !accept.answer:
		return errNotAcceptable()
	}
	return nil
}

func errNotAcceptable() *requestError {
	return &requestError{
		status:  http.StatusNotAcceptable,
		message: "answers are application/graphql-response+json or application/json, in utf-8",
	}
}

func hasArguments(operation *graphql.OperationContext) bool {
	for _, field := range graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Query", "Subscription"}) {
		if len(field.Arguments) > 0 && !strings.HasPrefix(field.Name, "__") {
			return true
		}
	}
	return false
}

// checkSubscription refuses what gqlgen cannot execute: it executes only one
// field of a subscription, and panics for a field that every type has.
func checkSubscription(operation *graphql.OperationContext) *requestError {
	fields := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 || strings.HasPrefix(fields[0].Name, "__") {
		return errBadRequest("a subscription has one field")
	}
	return nil
}
