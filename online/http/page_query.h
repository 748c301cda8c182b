// What a request asks of a page: the parameters in its path and after the question mark, decoded
// and checked as the page's description says.
//
//   ASSIGN_OR_RETURN(PageQuery query, PageQuery::Parse(route, in_path, "kind=view&limit=10"));
//   query.Text("kind");      // "view"
//   query.Number("limit");   // 10
#ifndef FOREBAY_ONLINE_HTTP_PAGE_QUERY_H_
#define FOREBAY_ONLINE_HTTP_PAGE_QUERY_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "online/http/route.h"

namespace forebay {

class PageQuery {
 public:
  // `in_path`: as MatchPath has them. `text`: what stands after the question mark.
  // INVALID_ARGUMENT: a parameter that the page does not have (with the nearest name), that is
  // there twice, missing, empty, or of another form. `route` outlives it.
  static absl::StatusOr<PageQuery> Parse(const RouteDescription& route,
                                         const std::vector<std::string_view>& in_path,
                                         std::string_view text);

  // "": it is not given.
  std::string_view Text(std::string_view name) const;
  // REQUIRES: it is a number.
  int64_t Number(std::string_view name) const;
  // The first instant of a date, microseconds UTC; nullopt: it is not given. REQUIRES: it is a
  // date.
  std::optional<int64_t> Date(std::string_view name) const;

 private:
  explicit PageQuery(const RouteDescription* route) : route_(route) {}
  absl::Status Take(const RouteParameter& parameter, std::string_view encoded);

  const RouteDescription* route_;
  std::map<std::string_view, std::string> texts_;
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_PAGE_QUERY_H_
