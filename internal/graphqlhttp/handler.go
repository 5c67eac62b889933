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

// Options are what New needs besides the schema.
type Options struct {
	// Present words every error; Recover logs a panic and returns the error
	// that Present words. Both are required.
	Present graphql.ErrorPresenterFunc
	Recover graphql.RecoverFunc
	// Admit is asked before a request's body is read; its error, an
	// *auth.Error, is the answer. Nil admits everything.
	Admit func(r *http.Request) error
	// WithAnswer returns the context that an operation is executed in, given
	// the header of its answer, which is sent afterwards. It may be nil.
	WithAnswer func(ctx context.Context, header http.Header) context.Context
	// Extensions run in this order, after this package's own.
	Extensions []graphql.HandlerExtension
	// Limits that are zero are those of DefaultLimits.
	Limits Limits
	// HideSchema refuses introspection, and leaves out of errors what they would
	// tell of the schema: "Did you mean", and names that the request does not have.
	HideSchema bool
	// Streams serve subscriptions; without them there are none.
	Streams *Streams
}

const allowedMethods = "GET, POST, OPTIONS"

type handler struct {
	exec       *executor.Executor
	hideSchema bool
	limits     Limits
	wording    *wording
	admit      func(r *http.Request) error
	withAnswer func(ctx context.Context, header http.Header) context.Context
	present    graphql.ErrorPresenterFunc
	recover    graphql.RecoverFunc
	streams    *Streams
}

// New returns the handler of a GraphQL endpoint.
func New(schema graphql.ExecutableSchema, options Options) http.Handler {
	limits := options.Limits.withDefaults()
	exec := executor.New(schema)
	exec.SetErrorPresenter(options.Present)
	exec.SetRecoverFunc(options.Recover)
	exec.SetParserTokenLimit(limits.Tokens)
	kept := newDocumentCache()
	exec.SetQueryCache(kept)
	exec.SetDisableSuggestion(options.HideSchema)
	exec.Use(newGuard(kept, schema.Schema(), limits, options.HideSchema))
	if options.HideSchema {
		exec.SetDefaultRulesFn(rulesWithoutSuggestions)
	}
	for _, e := range options.Extensions {
		exec.Use(e)
	}
	if options.Admit == nil {
		options.Admit = func(*http.Request) error { return nil }
	}
	if options.WithAnswer == nil {
		options.WithAnswer = func(ctx context.Context, _ http.Header) context.Context { return ctx }
	}
	return &handler{
		exec: exec, limits: limits, hideSchema: options.HideSchema, wording: newWording(),
		admit: options.Admit, withAnswer: options.WithAnswer, present: options.Present, recover: options.Recover,
		streams: options.Streams,
	}
}

// ServeHTTP answers one request.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := graphql.StartOperationTrace(r.Context())
	r = r.WithContext(ctx)
	defer h.recovered(w, r)
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowedMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if err := h.admit(r); err != nil {
		h.turnAway(w, r, auth.AsError(err))
		return
	}
	if h.streams != nil && isUpgrade(r) {
		h.serveSocket(w, r)
		return
	}
	media, params, err := h.read(w, r)
	if err != nil {
		h.refuse(w, r, media, err)
		return
	}
	h.execute(w, r, media, params)
}

// turnAway answers a request that was not looked at. Nothing was executed, so
// the status tells it in either media type.
func (h *handler) turnAway(w http.ResponseWriter, r *http.Request, err *auth.Error) {
	media, _ := negotiate(r.Header.Values("Accept"))
	response := h.dispatch(r.Context(), err)
	write(w, media, mediaGraphQL.executionStatus(response), response)
}

// read returns what is asked, and the media type to answer in.
func (h *handler) read(w http.ResponseWriter, r *http.Request) (mediaType, *graphql.RawParams, *requestError) {
	media, acceptable := negotiate(r.Header.Values("Accept"))
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return media, nil, errMethod(allowedMethods, "GraphQL is served to POST, and queries to GET")
	}
	switch {
	case acceptable:
	case !wantsEvents(r):
		return media, nil, errNotAcceptable()
	default:
		media = mediaGraphQL // until there is a stream, the status tells
	}
	read := readPost
	if r.Method == http.MethodGet {
		read = readGet
	}
	params, err := read(w, r, h.limits.BodyBytes)
	return media, params, err
}

func (h *handler) execute(w http.ResponseWriter, r *http.Request, media mediaType, params *graphql.RawParams) {
	ctx := r.Context()
	params.Headers = r.Header
	operation, refused := h.createOperation(ctx, params)
	if refused != nil {
		write(w, media, media.requestErrorStatus(), refused)
		return
	}
	if err := checkMethod(r.Method, operation); err != nil {
		h.refuse(w, r, media, err)
		return
	}
	if err := h.checkStream(r, operation); err != nil {
		h.refuse(w, r, media, err)
		return
	}
	if operation.Operation.Operation == ast.Subscription {
		h.streamEvents(w, r, operation)
		return
	}
	responses, ctx := h.exec.DispatchOperation(h.withAnswer(ctx, w.Header()), operation)
	response := responses(ctx)
	if response == nil { // the client left, or time is up
		response = h.dispatch(ctx, auth.Unavailable(context.Cause(ctx)))
	}
	write(w, media, media.executionStatus(response), response)
}

// createOperation reads and validates a document; refused is the response
// when it is not right.
func (h *handler) createOperation(ctx context.Context, params *graphql.RawParams) (operation *graphql.OperationContext, refused *graphql.Response) {
	operation, errs := h.exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		return nil, h.exec.DispatchError(graphql.WithOperationContext(ctx, operation), h.wording.clientSafe(errs, h.known(params)))
	}
	return operation, nil
}

// known are the names that errors about a request may tell.
func (h *handler) known(params *graphql.RawParams) names {
	if !h.hideSchema {
		return nil
	}
	return namesOf(params, h.limits.Tokens)
}

// checkMethod keeps what changes something, and what is given arguments, off
// GET: a link must not act, and URLs end up in logs and histories.
func checkMethod(method string, operation *graphql.OperationContext) *requestError {
	if method != http.MethodGet {
		return nil
	}
	if operation.Operation.Operation != ast.Query {
		return errMethod(http.MethodPost, "only queries are served to GET; use POST")
	}
	for _, field := range graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Query"}) {
		if len(field.Arguments) > 0 && !strings.HasPrefix(field.Name, "__") {
			return errMethod(http.MethodPost, "fields with arguments are not served to GET; use POST")
		}
	}
	return nil
}

// refuse answers a request that was not understood, or is not served.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, media mediaType, err *requestError) {
	if err.allow != "" {
		w.Header().Set("Allow", err.allow)
	}
	write(w, media, err.status, h.dispatch(r.Context(), auth.BadInput("", err.message)))
}

func (h *handler) dispatch(ctx context.Context, err *auth.Error) *graphql.Response {
	return h.exec.DispatchError(ctx, gqlerror.List{{Err: err, Message: err.Message}})
}

// recovered answers a request that panicked outside the resolvers. Nothing has
// been written then: answers are written last.
func (h *handler) recovered(w http.ResponseWriter, r *http.Request) {
	panicked := recover()
	if panicked == nil {
		return
	}
	if err, ok := panicked.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(panicked)
	}
	ctx := r.Context()
	presented := h.present(ctx, h.recover(ctx, panicked))
	write(w, mediaJSON, http.StatusInternalServerError, &graphql.Response{Errors: gqlerror.List{presented}})
}
