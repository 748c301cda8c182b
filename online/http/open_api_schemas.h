// What bodies of requests and answers look like, as JSON Schema by name: `components.schemas` of
// the OpenAPI document. Answers have no fields beside these: a test sends requests made from the
// document to a worker and compares.
#ifndef FOREBAY_ONLINE_HTTP_OPEN_API_SCHEMAS_H_
#define FOREBAY_ONLINE_HTTP_OPEN_API_SCHEMAS_H_

namespace forebay {

extern const char kOpenApiSchemas[];

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_OPEN_API_SCHEMAS_H_
