#include <expat.h>

/// The user data of a parser; XML_GetUserData is a macro with a cast, which Swift cannot import.
static inline void *shim_user_data(XML_Parser parser) { return XML_GetUserData(parser); }
