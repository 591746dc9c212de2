// libcurl, loaded when it is first needed.
//
// It brings some thirty other libraries along, and loading them takes ten milliseconds: most commands send nothing and
// should not wait for that. The functions below have libcurl's names and pass each call on.

#include "CCurl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>

static void *library;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) { library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL); }

static void *find(const char *name) {
    pthread_once(&once, load);
    return library ? dlsym(library, name) : NULL;
}

// The address of each function is looked up once; two threads that do it at once find the same.
#define FIND(name)                                                                                                     \
    static __typeof__(&name) volatile found;                                                                           \
    if (!found) found = (__typeof__(&name))find(#name)

CURLcode curl_global_init(long flags) {
    FIND(curl_global_init);
    return found ? found(flags) : CURLE_FAILED_INIT;
}

CURL *curl_easy_init(void) {
    FIND(curl_easy_init);
    return found ? found() : NULL;
}

void curl_easy_cleanup(CURL *easy) {
    FIND(curl_easy_cleanup);
    if (found) found(easy);
}

// Every option takes one long, one pointer or one curl_off_t, and all of them are passed alike where a long has 64 bits.
_Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "not an LP64 system");

CURLcode curl_easy_setopt(CURL *easy, CURLoption option, ...) {
    FIND(curl_easy_setopt);
    if (!found) return CURLE_FAILED_INIT;
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return found(easy, option, value);
}

CURLcode curl_easy_getinfo(CURL *easy, CURLINFO info, ...) {
    FIND(curl_easy_getinfo);
    if (!found) return CURLE_FAILED_INIT;
    va_list arguments;
    va_start(arguments, info);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return found(easy, info, value);
}

CURLcode curl_easy_pause(CURL *easy, int bits) {
    FIND(curl_easy_pause);
    return found ? found(easy, bits) : CURLE_FAILED_INIT;
}

const char *curl_easy_strerror(CURLcode code) {
    FIND(curl_easy_strerror);
    return found ? found(code) : "libcurl.so.4 is not on this machine; install libcurl4";
}

CURLM *curl_multi_init(void) {
    FIND(curl_multi_init);
    return found ? found() : NULL;
}

CURLMcode curl_multi_cleanup(CURLM *multi) {
    FIND(curl_multi_cleanup);
    return found ? found(multi) : CURLM_INTERNAL_ERROR;
}

CURLMcode curl_multi_setopt(CURLM *multi, CURLMoption option, ...) {
    FIND(curl_multi_setopt);
    if (!found) return CURLM_INTERNAL_ERROR;
    va_list arguments;
    va_start(arguments, option);
    void *value = va_arg(arguments, void *);
    va_end(arguments);
    return found(multi, option, value);
}

CURLMcode curl_multi_add_handle(CURLM *multi, CURL *easy) {
    FIND(curl_multi_add_handle);
    return found ? found(multi, easy) : CURLM_INTERNAL_ERROR;
}

CURLMcode curl_multi_remove_handle(CURLM *multi, CURL *easy) {
    FIND(curl_multi_remove_handle);
    return found ? found(multi, easy) : CURLM_INTERNAL_ERROR;
}

CURLMcode curl_multi_perform(CURLM *multi, int *running) {
    FIND(curl_multi_perform);
    return found ? found(multi, running) : CURLM_INTERNAL_ERROR;
}

CURLMcode curl_multi_poll(CURLM *multi, struct curl_waitfd extra[], unsigned int count, int timeout, int *ready) {
    FIND(curl_multi_poll);
    return found ? found(multi, extra, count, timeout, ready) : CURLM_INTERNAL_ERROR;
}

CURLMcode curl_multi_wakeup(CURLM *multi) {
    FIND(curl_multi_wakeup);
    return found ? found(multi) : CURLM_INTERNAL_ERROR;
}

CURLMsg *curl_multi_info_read(CURLM *multi, int *left) {
    FIND(curl_multi_info_read);
    return found ? found(multi, left) : NULL;
}

struct curl_slist *curl_slist_append(struct curl_slist *list, const char *text) {
    FIND(curl_slist_append);
    return found ? found(list, text) : NULL;
}

void curl_slist_free_all(struct curl_slist *list) {
    FIND(curl_slist_free_all);
    if (found) found(list);
}
