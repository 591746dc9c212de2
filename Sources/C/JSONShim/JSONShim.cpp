#include "JSONShim.h"

#include <exception>
#include <new>
#include <nlohmann/json.hpp>

namespace {

// Passes on what the parser finds, in the words of the header.
class Events final : public nlohmann::json_sax<nlohmann::json> {
public:
    Events(void *context, bool (*take)(void *, const json_shim_event *)) : context(context), take(take) {}

    size_t place = 0;
    bool is_malformed = false;

    bool null() override { return give({.kind = JSON_SHIM_NULL}); }
    bool boolean(bool value) override { return give({.kind = value ? JSON_SHIM_TRUE : JSON_SHIM_FALSE}); }
    bool number_integer(number_integer_t value) override {
        return give({.kind = JSON_SHIM_INTEGER, .integer = value});
    }
    bool number_unsigned(number_unsigned_t value) override {
        return give({.kind = JSON_SHIM_NATURAL, .natural = value});
    }
    bool number_float(number_float_t value, const string_t &text) override {
        return give({.kind = JSON_SHIM_REAL, .real = value, .text = text.data(), .length = text.size()});
    }
    bool string(string_t &value) override {
        return give({.kind = JSON_SHIM_STRING, .text = value.data(), .length = value.size()});
    }
    bool key(string_t &value) override {
        return give({.kind = JSON_SHIM_KEY, .text = value.data(), .length = value.size()});
    }
    bool binary(binary_t &) override { return false; }
    bool start_object(std::size_t) override { return give({.kind = JSON_SHIM_OBJECT}); }
    bool end_object() override { return give({.kind = JSON_SHIM_OBJECT_END}); }
    bool start_array(std::size_t) override { return give({.kind = JSON_SHIM_ARRAY}); }
    bool end_array() override { return give({.kind = JSON_SHIM_ARRAY_END}); }

    bool parse_error(std::size_t position, const std::string &, const nlohmann::detail::exception &) override {
        place = position;
        is_malformed = true;
        return false;
    }

private:
    void *context;
    bool (*take)(void *, const json_shim_event *);

    bool give(const json_shim_event &event) { return take(context, &event); }
};

}  // namespace

json_shim_result json_shim_read(const char *bytes, size_t length, void *context,
                                bool (*take)(void *context, const json_shim_event *event), size_t *place) {
    try {
        Events events(context, take);
        const bool is_done = nlohmann::json::sax_parse(bytes, bytes + length, &events);
        *place = events.place;
        return is_done ? JSON_SHIM_DONE : events.is_malformed ? JSON_SHIM_MALFORMED : JSON_SHIM_STOPPED;
    } catch (const std::bad_alloc &) {
        return JSON_SHIM_NO_MEMORY;
    } catch (const std::exception &) {
        *place = 0;
        return JSON_SHIM_MALFORMED;
    }
}
