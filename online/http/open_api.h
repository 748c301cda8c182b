// The OpenAPI document of the HTTP door, made from the descriptions of its pages, which also find
// and check requests: /openapi.json.
#ifndef FOREBAY_ONLINE_HTTP_OPEN_API_H_
#define FOREBAY_ONLINE_HTTP_OPEN_API_H_

#include <string>
#include <vector>

#include "online/http/route.h"

namespace forebay {

// REQUIRES: what `routes` name as schemas is there (open_api_schemas.h).
std::string OpenApiDocument(const std::vector<const RouteDescription*>& routes);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_OPEN_API_H_
