// What a page of the HTTP door is: its path, what may be asked of it, what it answers. The same
// descriptions find the page of a request, check what it asks, and make the OpenAPI document
// (open_api.h), so that these cannot say different things.
#ifndef FOREBAY_ONLINE_HTTP_ROUTE_H_
#define FOREBAY_ONLINE_HTTP_ROUTE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace forebay {

struct RouteParameter {
  static constexpr size_t kMostText = 256;  // signs of a text

  enum class In : uint8_t { kQuery, kPath };
  enum class Form : uint8_t { kText, kNumber, kDigits, kDate, kModelVersion };
  struct Range {
    int64_t least = 0;
    int64_t most = 0;
    int64_t otherwise = 0;  // where it is not given
  };

  std::string_view name;
  std::string_view what;  // a sentence
  In in = In::kQuery;
  bool required = false;
  Form form = Form::kText;
  Range range = {};                           // of a number
  std::vector<std::string_view> one_of = {};  // of a text; empty: any
};

// Which threads make the answer.
enum class RunsOn : uint8_t {
  kReader,      // those that read requests: it is there at once
  kLookupSlot,  // those of lookups
  kPageThread,  // others: it may take long, and lookups do not wait for it
};

struct RouteDescription {
  std::string_view method;  // GET, which HEAD goes with, or POST
  std::string_view path;    // "/v1/catalog/objects/{kind}/{name}"
  std::string_view name;    // "get_objects": what generated clients call it
  std::string_view what;    // a sentence
  RunsOn runs_on = RunsOn::kReader;
  std::vector<RouteParameter> parameters = {};
  std::string_view body = "";    // the schema of the request's; empty: it has none
  std::string_view answer = "";  // the schema of the answer; empty: it is text
  std::vector<unsigned> errors = {};

  bool is_lookup() const { return runs_on == RunsOn::kLookupSlot; }
};

// What stands in a path in the places of {kind} and {name}, as it was written; nullopt: it is no
// path of this form. An empty part is none.
std::optional<std::vector<std::string_view>> MatchPath(std::string_view form,
                                                       std::string_view path);

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_ROUTE_H_
