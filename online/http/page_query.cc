#include "online/http/page_query.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/types/nearest_name.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"
#include "schemas/types/utf8.h"

namespace forebay {
namespace {

// REQUIRES: it is UTF-8.
size_t SignsIn(std::string_view text) {
  return static_cast<size_t>(
      std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// nullopt: a % stands without its two digits, or what comes out is no UTF-8.
std::optional<std::string> Decode(std::string_view encoded, bool plus_is_space) {
  std::string text;
  text.reserve(encoded.size());
  for (size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i] == '+' && plus_is_space) {
      text += ' ';
    } else if (encoded[i] != '%') {
      text += encoded[i];
    } else {
      const int high = i + 2 < encoded.size() ? HexDigit(encoded[i + 1]) : -1;
      const int low = high < 0 ? -1 : HexDigit(encoded[i + 2]);
      if (low < 0) return std::nullopt;
      text += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!IsUtf8(text)) return std::nullopt;
  return text;
}

std::optional<int64_t> ParseNumber(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

absl::StatusOr<int64_t> StartOf(std::string_view date) {
  if (date.size() != 10) return absl::InvalidArgumentError("no date");
  return ParseTime(std::string(date) + "T00:00:00Z");
}

absl::Status WrongValue(const RouteParameter& parameter, std::string_view text,
                        std::string_view expected) {
  return absl::InvalidArgumentError(
      fmt::format("{} is '{}': expected {}", parameter.name, text, expected));
}

absl::Status CheckForm(const RouteParameter& parameter, std::string_view text) {
  const RouteParameter::Range& range = parameter.range;
  switch (parameter.form) {
    case RouteParameter::Form::kNumber: {
      const std::optional<int64_t> number = ParseNumber(text);
      if (number && *number >= range.least && *number <= range.most) return absl::OkStatus();
      return WrongValue(parameter, text,
                        fmt::format("a whole number from {} to {}", range.least, range.most));
    }
    case RouteParameter::Form::kDigits:
      if (text.size() <= 18 &&
          std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        return absl::OkStatus();
      return WrongValue(parameter, text, "what an answer before has as next_page_token");
    case RouteParameter::Form::kDate:
      if (StartOf(text).ok()) return absl::OkStatus();
      return WrongValue(parameter, text, "a date such as 2026-01-31");
    case RouteParameter::Form::kModelVersion:  // read by who asks for the model
    case RouteParameter::Form::kText:
      break;
  }
  if (const size_t signs = SignsIn(text); signs > RouteParameter::kMostText) {
    return absl::InvalidArgumentError(fmt::format(
        "{} has {} signs: expected at most {}", parameter.name, signs, RouteParameter::kMostText));
  }
  if (parameter.one_of.empty() || std::ranges::count(parameter.one_of, text) > 0)
    return absl::OkStatus();
  const std::vector<std::string> known(parameter.one_of.begin(), parameter.one_of.end());
  return WrongValue(parameter, text,
                    fmt::format("{}{}", fmt::join(known, ", "), DidYouMean(text, known)));
}

}  // namespace

absl::Status PageQuery::Take(const RouteParameter& parameter, std::string_view encoded) {
  const bool in_query = parameter.in == RouteParameter::In::kQuery;
  std::optional<std::string> text = Decode(encoded, in_query);
  if (!text) {
    return absl::InvalidArgumentError(fmt::format(
        "{} is no UTF-8 in percent-encoding: write %25 for a percent sign", parameter.name));
  }
  if (text->empty()) {
    return absl::InvalidArgumentError(
        fmt::format("{} is empty: leave it out, or give it a value", parameter.name));
  }
  RETURN_IF_ERROR(CheckForm(parameter, *text));
  if (texts_.emplace(parameter.name, *std::move(text)).second) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{} is given twice", parameter.name));
}

absl::StatusOr<PageQuery> PageQuery::Parse(const RouteDescription& route,
                                           const std::vector<std::string_view>& in_path,
                                           std::string_view text) {
  PageQuery query(&route);
  auto next = in_path.begin();
  for (const RouteParameter& parameter : route.parameters) {
    if (parameter.in == RouteParameter::In::kPath && next != in_path.end())
      RETURN_IF_ERROR(query.Take(parameter, *next++));
  }
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    const std::string name = Decode(pair.substr(0, equals), true).value_or("");
    auto parameter = std::ranges::find_if(route.parameters, [&](const RouteParameter& one) {
      return one.in == RouteParameter::In::kQuery && one.name == name;
    });
    if (parameter == route.parameters.end()) {
      std::vector<std::string> known;
      for (const RouteParameter& one : route.parameters) {
        if (one.in == RouteParameter::In::kQuery) known.emplace_back(one.name);
      }
      return absl::InvalidArgumentError(fmt::format(
          "{} has no parameter '{}'{}; {}", route.path, name, DidYouMean(name, known),
          known.empty() ? "it has none" : fmt::format("it has: {}", fmt::join(known, ", "))));
    }
    RETURN_IF_ERROR(query.Take(*parameter, equals == std::string_view::npos
                                               ? std::string_view()
                                               : pair.substr(equals + 1)));
  }
  for (const RouteParameter& parameter : route.parameters) {
    if (parameter.required && !query.texts_.contains(parameter.name)) {
      return absl::InvalidArgumentError(
          fmt::format("{} is missing: {}", parameter.name, parameter.what));
    }
  }
  return query;
}

std::string_view PageQuery::Text(std::string_view name) const {
  auto found = texts_.find(name);
  return found == texts_.end() ? std::string_view() : found->second;
}

int64_t PageQuery::Number(std::string_view name) const {
  if (auto given = ParseNumber(Text(name))) return *given;
  for (const RouteParameter& parameter : route_->parameters) {
    if (parameter.name == name) return parameter.range.otherwise;
  }
  return 0;
}

std::optional<int64_t> PageQuery::Date(std::string_view name) const {
  if (Text(name).empty()) return std::nullopt;
  const absl::StatusOr<int64_t> start = StartOf(Text(name));
  return start.ok() ? std::optional(*start) : std::nullopt;
}

}  // namespace forebay
