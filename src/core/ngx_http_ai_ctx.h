
/*
 * One client request, and one call to a provider made for it.
 *
 *     client request (main)                 attempt (background subrequest)
 *     preaccess  body -> doc, peek          start    resolve, connect
 *     content    plan -> candidates         header   status, framing
 *     run  <---------- post --------------- filter   bytes -> events -> out
 *       sends out, decides, launches next   end      result, then gone
 *
 * Callbacks of an attempt only record and post the main request; run decides
 * and is the only one that writes to the client.
 */

#include <core/ngx_http_ai.h>

#ifndef NGX_HTTP_AI_CTX_H
#define NGX_HTTP_AI_CTX_H


#define NGX_HTTP_AI_ERROR_MAX  (64 * 1024)  /* of an error's body is read */


typedef enum {
    NGX_HTTP_AI_OP_NONE = 0,
    NGX_HTTP_AI_OP_BASE,                    /* GET, HEAD of the base */
    NGX_HTTP_AI_OP_MODELS,                  /* GET models */
    NGX_HTTP_AI_OP_MODEL,                   /* GET models/{id} */
    NGX_HTTP_AI_OP_TAGS,                    /* GET api/tags, Ollama's list */

    /* those that go to a provider */
    NGX_HTTP_AI_OP_CHAT,                    /* whatever its dialect */
    NGX_HTTP_AI_OP_CALL,                    /* dialect->form: embeddings ... */
    NGX_HTTP_AI_OP_MEDIA,                   /* JSON with a model in it, any
                                               answer: images, speech ... */
    NGX_HTTP_AI_OP_FORM,                    /* the same in multipart */
    NGX_HTTP_AI_OP_RAW                      /* any method, path and body */
} ngx_http_ai_op_e;


#define ngx_http_ai_is_chat(ctx)    ((ctx)->op == NGX_HTTP_AI_OP_CHAT)
#define ngx_http_ai_is_sent(ctx)    ((ctx)->op >= NGX_HTTP_AI_OP_CHAT)

/* the provider's bytes are the client's, whatever they are */
#define ngx_http_ai_is_raw(ctx)     ((ctx)->op >= NGX_HTTP_AI_OP_MEDIA)


struct ngx_http_ai_ctx_s {
    ngx_http_request_t        *request;     /* main */
    const ngx_http_ai_loc_conf_t  *conf;
    ngx_http_posted_request_t  posted;
    ai_pool_t                  pool;        /* over r->pool */

    /* the request; written by core/body when it was read */
    ngx_http_ai_op_e           op;
    const ai_dialect_t        *dialect;     /* never NULL */
    ngx_str_t                  operation;   /* $ai_operation */
    ngx_uint_t                 methods;     /* of the path, after a 405 */
    ngx_str_t                  name;        /* the path behind the version,
                                               of MEDIA, FORM, RAW */
    uint64_t                   pin;         /* hash of the stored object that
                                               is meant; 0: none */
    uint64_t                   where;       /* ... and of the provider that
                                               has it; 0: not known */
    ngx_str_t                  model_id;    /* of models/{id}, decoded */
    ngx_str_t                  body;        /* contiguous */
    ai_json_t                  doc;
    ai_peek_t           peek;
    ngx_str_t                  request_model;
    int64_t                    prompt_max;  /* if bounded */
    int64_t                    prompt_bytes;         /* of text in it */
    int64_t                    prompt_est;  /* tokens, as well as known */
    ngx_http_ai_count_t       *count;       /* token/: a prompt's count, or
                                               NULL */

    ngx_http_ai_identity_t     identity;    /* who asks; written by auth */

    /* the way; written by core/pass and route */
    ngx_str_t                  model;       /* after ai_model */
    ngx_http_ai_route_t       *route;       /* NULL: unknown name */
    ngx_http_ai_candidate_t   *candidates;  /* in the route's order */
    ngx_uint_t                 ncandidates;
    ngx_http_ai_candidate_t   *parked;      /* chosen, and not yet admitted */
    ai_request_t              *rq;          /* decoded for a translation, the
                                               first time one is needed */
    ai_call_t                 *call;        /* the same for a CALL */
    ai_dropped_t              *rq_dropped;  /* by either decoding */
    ngx_http_ai_form_t        *form;        /* of a FORM: where things are */
    ai_dropped_t               dropped;     /* for the current attempt */

    /* the attempts; written by core/run and core/attempt */
    ngx_http_ai_attempt_t     *attempts;    /* all, the first one first */
    ngx_http_ai_attempt_t     *attempt;     /* the current one, or NULL */
    ngx_uint_t                 nattempts;
    ngx_str_t                  fallback_reason;      /* static word */
    int64_t                    min_context; /* what the next model must take
                                               after one was too small */
    ngx_http_ai_attempt_t     *winner;      /* the one that committed */
    const ngx_http_ai_candidate_t  *candidate;  /* that limits are looked up
                                                   for; variables show it */
    ngx_http_ai_limit_ctx_t   *limit;       /* NULL: nothing was limited yet */
    ai_ticket_t               *ticket;      /* what it has reserved, or NULL;
                                               written by limit, ended by
                                               store/spend */
    ngx_http_ai_meter_t       *meter;       /* of ai_meter: there is no other
                                               attempt than its own */
    int64_t                    output_cap;  /* tokens of a stream after which
                                               more are asked for; 0: none.
                                               Written before an attempt is
                                               launched, and by more() */
    ngx_int_t                (*more)(ngx_http_ai_ctx_t *ctx,
                                   ngx_http_ai_attempt_t *at);
                                            /* NGX_OK: the cap is higher, or
                                               0; NGX_DECLINED: the stream
                                               ends; NULL is that too */

    ngx_http_ai_slot_t        *active;      /* counts it, while it runs; by
                                               observe */

    /* the answer */
    ai_error_t                 error;       /* kind NONE: none */
    ngx_buf_t                  buf;         /* what is with the filters */
    ngx_chain_t                chain;

    /* microseconds of the monotonic clock, 0: not yet */
    uint64_t                   start;       /* headers read */
    uint64_t                   end;
    uint64_t                   spent;       /* in sum in our own code ... */
    uint64_t                   entered;     /* ... since here, while ... */
    ngx_uint_t                 depth;       /* ... this is not 0 */

    ngx_event_t                delay;       /* of "limit_rate" */
    ngx_event_t                drain;       /* the limit of it, in time */
    int64_t                    drained;     /* tokens of the answer when the
                                               client left */
    ngx_http_event_handler_pt  read_body;   /* nginx's reader of the body */
    ngx_buf_t                 *header_in;   /* nginx's own, while a larger one
                                               is in its place */

    unsigned                   early:1;     /* made for ctx->identity, before
                                               the location is known */
    unsigned                   array:1;     /* a stream as one JSON array */
    unsigned                   body_done:1; /* parsed, or refused */
    unsigned                   sized:1;     /* prompt_est was counted, or will
                                               not be */
    unsigned                   bounded:1;   /* not sized: there are at most
                                               prompt_max tokens */
    unsigned                   modelless:1; /* RAW: no model is named */
    unsigned                   passthrough:1;        /* RAW: no path of ours */
    unsigned                   booked:1;    /* its spend is */
    unsigned                   is_posted:1;
    unsigned                   busy:1;      /* buf is not out yet */
    unsigned                   header_sent:1;
    unsigned                   answered:1;  /* the answer is ours, not one of
                                               nginx's error pages */
    unsigned                   replaced:1;  /* an nginx error page became
                                               our error */
    unsigned                   gone:1;      /* the client left: nothing is
                                               written any more */
    unsigned                   draining:1;  /* its answer is read on */
    unsigned                   over:1;      /* no longer, or never was */
};


typedef enum {
    NGX_HTTP_AI_AT_WAITING = 0,             /* posted, not started */
    NGX_HTTP_AI_AT_AUTHORIZING,             /* credential->prepare pending */
    NGX_HTTP_AI_AT_RESOLVING,
    NGX_HTTP_AI_AT_RUNNING,                 /* has an upstream */
    NGX_HTTP_AI_AT_ENDED                    /* rc, error are final */
} ngx_http_ai_at_state_e;


struct ngx_http_ai_attempt_s {
    ngx_http_ai_attempt_t     *next;
    ngx_http_ai_ctx_t         *ctx;
    ngx_http_request_t        *request;     /* the subrequest; NULL: gone, or
                                               metered, which has none */
    ngx_http_ai_candidate_t   *candidate;
    const ngx_http_ai_provider_t  *provider;
    const ai_provider_t       *api;         /* the provider's, or the one it
                                               has for this client or model */
    ngx_http_ai_at_state_e     state;
    ngx_pool_t                *pool;        /* NULL: given back */
    ai_pool_t                  ai_pool;

    /* the request for this provider */
    ngx_chain_t               *body;
    off_t                      body_len;
    ngx_http_upstream_conf_t  *conf;        /* the provider's, or a copy with
                                               the location's timeouts */
    ngx_resolver_ctx_t        *resolve;     /* while RESOLVING */
    void                      *credential;  /* while AUTHORIZING: what is
                                               waited for */

    /* the answer */
    ngx_uint_t                 status;      /* HTTP, 0: none came */
    ngx_http_status_t          parser;
    ngx_http_chunked_t         chunked;
    ngx_array_t                pass;        /* ngx_table_elt_t: headers that
                                               go on to the client */
    ngx_str_t                  type;        /* Content-Type and ... */
    off_t                      length;      /* ... Content-Length, -1: none;
                                               where bytes just go on */
    int64_t                    retry_after; /* ms, -1 */
    ai_buf_t                   whole;       /* a JSON answer, or an error */
    ai_frames_t                frames;      /* of a stream */
    ai_watch_t                 watch;       /* OpenAI's chat, passed through */
    ai_decoder_t              *decoder;     /* of any other chat */
    const ai_service_t        *service;     /* of a CALL */
    void                      *reply;       /* of ctx->dialect */
    ai_buf_t                   out;         /* for the client, not sent yet */
    ai_buf_t                   sent;        /* what the filters have of it */
    ngx_http_ai_count_output_t  *output;    /* counts a stream, or NULL */
    ai_stop_t                 *stop;        /* if watched: what is open */
    ai_usage_t                 usage;       /* as reported; once settled, */
    ngx_http_ai_source_e       source;      /* ... with what was missing, */
    ai_bill_t                  bill;        /* ... and what it cost, ... */
    const ai_price_t          *price;       /* ... by this, or NULL */
    ai_finish_e                finish;
    ai_str_t                   response_id; /* of the provider's answer */
    ai_error_t                 error;       /* why it failed */
    ngx_int_t                  rc;          /* of the upstream */
    ngx_uint_t                 failure;     /* NEXT_* bits, 0: none */
    ngx_event_t                timer;       /* first token, then linger */
    ngx_buf_t                  pause;       /* see attempt_pause() */
    ngx_chain_t                pause_link;
    uint64_t                   start;
    uint64_t                   first_token; /* 0: none yet */
    ngx_uint_t                 interim;     /* 1xx answers before this one */
    int64_t                    pieces;      /* events of a stream so far */

    unsigned                   stream:1;    /* the client asked for one */
    unsigned                   framed:1;    /* and the answer is one */
    unsigned                   translate:1;
    unsigned                   flow:1;      /* bytes go on as they come, the
                                               header too */
    unsigned                   content:1;   /* first content event was seen */
    unsigned                   terminal:1;  /* the protocol's own end */
    unsigned                   complete:1;  /* answer is whole and valid */
    unsigned                   cancelled:1; /* by run(), or with the request */
    unsigned                   expired:1;   /* the timer ran out */
    unsigned                   told:1;      /* the client has the provider's
                                               own error event */
    unsigned                   paused:1;
    unsigned                   counted:1;   /* in the target's slot */
    unsigned                   settled:1;   /* see core/settle */
    unsigned                   reached:1;   /* the provider had the whole
                                               request; known at the end */
    unsigned                   watched:1;   /* can be ended within its stream;
                                               set before the header comes, or
                                               by output_cap */
    unsigned                   stopped:1;   /* was ended so */
    unsigned                   guessed_prompt:1;     /* of usage: not what */
    unsigned                   guessed_completion:1; /* ... was reported */
};


#pragma GCC visibility push(hidden)


/* core/body: the PREACCESS handler */
ngx_int_t ngx_http_ai_body_handler(ngx_http_request_t *r);
/* ctx->doc, peek and what they say; or ctx->error */
void ngx_http_ai_body_scan(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx);

/* core/endpoint: the context, made on first use, with op, dialect and what
 * the URI says; NULL: no memory */
ngx_http_ai_ctx_t *ngx_http_ai_ctx_create(ngx_http_request_t *r);
/* the same without op and URI, which may change until the phase PREACCESS */
ngx_http_ai_ctx_t *ngx_http_ai_ctx_early(ngx_http_request_t *r);

/* core/pass: the content handler */
ngx_int_t ngx_http_ai_pass_handler(ngx_http_request_t *r);

/* core/run */
void ngx_http_ai_run(ngx_http_request_t *r);
void ngx_http_ai_run_cleanup(void *data);
/* NEXT_* bits as a word of ai_next_upstream */
ngx_str_t ngx_http_ai_run_reason(ngx_uint_t failure);
void ngx_http_ai_post(ngx_http_ai_ctx_t *ctx);
uint64_t ngx_http_ai_now(void);

/* brackets of our own work, for $ai_gateway_time; may nest */
void ngx_http_ai_enter(ngx_http_ai_ctx_t *ctx);
void ngx_http_ai_leave(ngx_http_ai_ctx_t *ctx);

/* core/drain: clients that leave.  begin: marks it, run() is to be called;
 * step: run()'s work from then on; end: gives back what it holds */
ngx_uint_t ngx_http_ai_drain_has_left(ngx_http_request_t *r);
void ngx_http_ai_drain_reading(ngx_http_request_t *r);
void ngx_http_ai_drain_begin(ngx_http_request_t *r, ngx_http_ai_ctx_t *ctx);
ngx_int_t ngx_http_ai_drain_step(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
void ngx_http_ai_drain_end(ngx_http_ai_ctx_t *ctx);

/* core/attempt */
ngx_int_t ngx_http_ai_attempt_launch(ngx_http_ai_ctx_t *ctx,
    ngx_http_ai_candidate_t *candidate);
/* what all attempts begin with, in one of zeros; at->pool is its owner's to
 * destroy */
ngx_int_t ngx_http_ai_attempt_init(ngx_http_ai_attempt_t *at,
    ngx_http_ai_ctx_t *ctx, ngx_http_ai_candidate_t *candidate);
void ngx_http_ai_attempt_cancel(ngx_http_ai_attempt_t *at);
/* gives back what an attempt holds outside itself: timer, slot; may repeat */
void ngx_http_ai_attempt_release(ngx_http_ai_attempt_t *at);
void ngx_http_ai_attempt_pause(ngx_http_ai_attempt_t *at);
void ngx_http_ai_attempt_resume(ngx_http_ai_attempt_t *at);
void ngx_http_ai_attempt_fail(ngx_http_ai_attempt_t *at, ai_error_e kind,
    ngx_uint_t failure);            /* the first failure stays */
/* the address is known: begins the upstream's work */
void ngx_http_ai_attempt_begin(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);

/* core/outgoing: the target as pure code wants it; create_request */
void ngx_http_ai_target(const ngx_http_ai_attempt_t *at, ai_target_t *target);
ngx_int_t ngx_http_ai_outgoing(ngx_http_request_t *sr);

/* core/upstream: the callbacks of an attempt's ngx_http_upstream_t */
ngx_int_t ngx_http_ai_upstream_create(ngx_http_request_t *sr,
    ngx_http_ai_attempt_t *at);

/* core/answer: what a provider's bytes become */
ngx_int_t ngx_http_ai_answer_header(ngx_http_ai_attempt_t *at);
ngx_int_t ngx_http_ai_answer_feed(ngx_http_ai_attempt_t *at, u_char *p,
    size_t len);
void ngx_http_ai_answer_end(ngx_http_ai_attempt_t *at, ngx_int_t rc);
/* for an encoder of this answer */
ngx_int_t ngx_http_ai_reply_conf(ngx_http_ai_attempt_t *at,
    ai_reply_conf_t *conf);

/* core/flow: bytes of any kind */
void ngx_http_ai_flow_header(ngx_http_ai_attempt_t *at);
void ngx_http_ai_flow_feed(ngx_http_ai_attempt_t *at, u_char *p, size_t len);
void ngx_http_ai_flow_end(ngx_http_ai_attempt_t *at, ngx_int_t rc);

/* core/call: one document; decode: ctx->call, once; answer: at->whole into
 * at->out; count: our own estimate for an answer; count_known: the same if the
 * model's vocabulary is known, else NGX_DECLINED */
ngx_int_t ngx_http_ai_call_decode(ngx_http_ai_ctx_t *ctx, ai_error_t *err);
ngx_int_t ngx_http_ai_call_answer(ngx_http_ai_attempt_t *at,
    ai_error_t *err);
ngx_int_t ngx_http_ai_call_count(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
ngx_int_t ngx_http_ai_call_count_known(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* 29 random letters and digits, for an answer's id */
void ngx_http_ai_random_id(ai_buf_t *b);

/*
 * core/settle: at->usage, at->source and at->bill are final, where something
 * asks for them.  NGX_AGAIN: a prompt that was not reported is long, r's
 * write_event_handler will be called to ask again; only if it may wait.
 */
ngx_int_t ngx_http_ai_settle(ngx_http_ai_attempt_t *at, ngx_uint_t may_wait);
/* the answer begins: the text of a stream is counted as it comes */
ngx_int_t ngx_http_ai_settle_begin(ngx_http_ai_attempt_t *at);

/*
 * core/stop: a stream that is ended from here.
 *
 * begin: the header has come; at->stop if the attempt is watched.  check:
 * between two events; asks ctx->more() when the cap is reached, and ends the
 * stream if there is none.
 *
 * stop: between two events, or from run(): at->out ends with a valid end of
 * the answer in the client's dialect, for a model that ran into its limit;
 * what was used is settled, and told in it; what the provider still sends is
 * ignored, and its connection closed by run(), which is posted.  NGX_DECLINED:
 * not watched, or over already.  NGX_ERROR: at->failure is set.
 */
ngx_int_t ngx_http_ai_stop_begin(ngx_http_ai_attempt_t *at);
ngx_int_t ngx_http_ai_stop_check(ngx_http_ai_attempt_t *at);
ngx_int_t ngx_http_ai_stop(ngx_http_ai_attempt_t *at);

/* core/rewrite: the request for one provider: at->body, at->body_len */
ngx_int_t ngx_http_ai_rewrite(ngx_http_ai_attempt_t *at);
/* ctx->rq, once */
ngx_int_t ngx_http_ai_rewrite_decode(ngx_http_ai_ctx_t *ctx,
    ai_error_t *err);
/* at->body is these bytes, which stay; or: appends bytes, or a part of the
 * client's body, to it at *last */
ngx_int_t ngx_http_ai_rewrite_whole(ngx_http_ai_attempt_t *at,
    ai_buf_t *body);
ngx_int_t ngx_http_ai_rewrite_add(ngx_http_ai_attempt_t *at,
    ngx_chain_t ***last, u_char *start, size_t len);
ngx_int_t ngx_http_ai_rewrite_part(ngx_http_ai_attempt_t *at,
    ngx_chain_t ***last, off_t off, off_t len);

/* core/form: multipart bodies.  scan: what is where, once a request, with
 * ctx->error set if it is refused; rewrite: the model's name exchanged */
ngx_int_t ngx_http_ai_form_scan(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);
ngx_int_t ngx_http_ai_form_rewrite(ngx_http_ai_attempt_t *at);

/* core/peers: connections and addresses of one provider in one worker */
ngx_int_t ngx_http_ai_peers_create(ngx_conf_t *cf,
    ngx_http_ai_provider_t *provider);
/* NGX_OK: an address is known; NGX_AGAIN: at->resolve runs, the attempt is
 * started again when it is done; NGX_ERROR */
ngx_int_t ngx_http_ai_peers_resolve(ngx_http_ai_attempt_t *at);

/*
 * core/error: answers of our own, in the caller's dialect.  Sends header and
 * body; the result goes to ngx_http_finalize_request().
 */
ngx_int_t ngx_http_ai_error_send(ngx_http_request_t *r,
    const ai_error_t *err);
ngx_int_t ngx_http_ai_error_pass(ngx_http_request_t *r, ngx_uint_t status,
    const ai_error_t *err, ngx_str_t *json);
void ngx_http_ai_error_body(ngx_http_ai_ctx_t *ctx, ai_buf_t *b,
    const ai_error_t *err);
ngx_int_t ngx_http_ai_json_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *json);

/* the type of our answer, in all the fields that filters look at */
void ngx_http_ai_content_type(ngx_http_request_t *r, ngx_str_t type);

/* adds a response header; name and value are kept, not copied */
ngx_int_t ngx_http_ai_header_add(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value);

/* core/headers: those of "ai_headers" */
ngx_int_t ngx_http_ai_headers_add(ngx_http_request_t *r,
    ngx_http_ai_ctx_t *ctx);

/* core/filter: postconfiguration of the filter module */
ngx_int_t ngx_http_ai_filter_init(ngx_conf_t *cf);

/* observe/: "ai_*" variables, added at preconfiguration */
ngx_int_t ngx_http_ai_variables_add(ngx_conf_t *cf);


#pragma GCC visibility pop


#endif /* NGX_HTTP_AI_CTX_H */
