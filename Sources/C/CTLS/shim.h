#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What is a macro there, which Swift cannot see.

static inline int shim_context_set_least(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}

static inline long shim_context_keep_no_sessions(SSL_CTX *context) {
    return SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int shim_set_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, (char *)name);
}

// Whatever came is all there is for now, and no end.
static inline void shim_never_ends(BIO *bio) { BIO_set_mem_eof_return(bio, -1); }

static const unsigned int shim_error_reasons = ERR_REASON_MASK;
