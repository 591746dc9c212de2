#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

/// HMAC with a MAC that was fetched before; one on success. `HMAC` itself looks for everything in the context of the host.
static inline int shim_hmac(
    EVP_MAC *mac, const char *digest, const unsigned char *key, size_t key_length, const unsigned char *message,
    size_t length, unsigned char *output, size_t capacity
) {
    EVP_MAC_CTX *context = EVP_MAC_CTX_new(mac);
    if (!context) return 0;
    OSSL_PARAM parameters[2] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)digest, 0), OSSL_PARAM_construct_end(),
    };
    size_t written = 0;
    int result = EVP_MAC_init(context, key, key_length, parameters) && EVP_MAC_update(context, message, length)
        && EVP_MAC_final(context, output, &written, capacity) && written == capacity;
    EVP_MAC_CTX_free(context);
    return result;
}
