#include "schemas/sql/functions.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "schemas/types/nearest_name.h"

namespace forebay::sql {
namespace {

using v1::BOOL;
using v1::BYTES;
using v1::DOUBLE;
using v1::INT64;
using v1::STRING;
using v1::TIMESTAMP;

const std::vector<Signature>& Signatures() {
  static const auto* signatures = new std::vector<Signature>{
      {"abs", "abs", {INT64}, INT64},
      {"abs", "abs", {DOUBLE}, DOUBLE},
      {"round", "round", {INT64}, INT64},
      {"round", "round", {DOUBLE}, DOUBLE},
      {"round", "round", {INT64, INT64}, INT64},
      {"round", "round", {DOUBLE, INT64}, DOUBLE},
      {"floor", "floor", {DOUBLE}, DOUBLE},
      {"ceil", "ceil", {DOUBLE}, DOUBLE},
      {"ceiling", "ceil", {DOUBLE}, DOUBLE},
      {"ln", "ln", {DOUBLE}, DOUBLE},
      {"log10", "log10", {DOUBLE}, DOUBLE},
      {"log", "log10", {DOUBLE}, DOUBLE},
      {"log2", "log2", {DOUBLE}, DOUBLE},
      {"exp", "exp", {DOUBLE}, DOUBLE},
      {"sqrt", "sqrt", {DOUBLE}, DOUBLE},
      {"power", "power", {DOUBLE, DOUBLE}, DOUBLE},
      {"pow", "power", {DOUBLE, DOUBLE}, DOUBLE},
      {"div", "integer_divide", {INT64, INT64}, INT64},
      {"divide", "integer_divide", {INT64, INT64}, INT64},
      {"mod", "modulo", {INT64, INT64}, INT64},
      {"mod", "modulo", {DOUBLE, DOUBLE}, DOUBLE},
      {"lower", "lower", {STRING}, STRING},
      {"upper", "upper", {STRING}, STRING},
      {"length", "length", {STRING}, INT64},
      {"char_length", "length", {STRING}, INT64},
      {"character_length", "length", {STRING}, INT64},
      {"octet_length", "octet_length", {BYTES}, INT64},
      {"substr", "substr", {STRING, INT64}, STRING},
      {"substr", "substr", {STRING, INT64, INT64}, STRING},
      {"substring", "substr", {STRING, INT64}, STRING},
      {"substring", "substr", {STRING, INT64, INT64}, STRING},
      {"trim", "trim", {STRING}, STRING},
      {"trim", "trim", {STRING, STRING}, STRING},
      {"btrim", "trim", {STRING}, STRING},
      {"btrim", "trim", {STRING, STRING}, STRING},
      {"ltrim", "ltrim", {STRING}, STRING},
      {"ltrim", "ltrim", {STRING, STRING}, STRING},
      {"rtrim", "rtrim", {STRING}, STRING},
      {"rtrim", "rtrim", {STRING, STRING}, STRING},
      {"starts_with", "starts_with", {STRING, STRING}, BOOL},
      {"ends_with", "ends_with", {STRING, STRING}, BOOL},
      {"contains", "contains", {STRING, STRING}, BOOL},
      {"epoch_us", "epoch_us", {TIMESTAMP}, INT64},
      {"epoch_ms", "epoch_ms", {TIMESTAMP}, INT64},
      {"make_timestamp", "make_timestamp", {INT64}, TIMESTAMP},
  };
  return *signatures;
}

// Known to the checker: their types depend on those of their arguments.
constexpr std::array kPolymorphic = {"coalesce", "nullif",    "concat",  "greatest",
                                     "least",    "date_part", "extract", "date_trunc"};

struct Alias {
  std::string_view name;
  std::string_view kernel;
};

constexpr std::array<Alias, 35> kExtractFields = {{
    {"year", "extract_year"},
    {"years", "extract_year"},
    {"month", "extract_month"},
    {"months", "extract_month"},
    {"day", "extract_day"},
    {"days", "extract_day"},
    {"hour", "extract_hour"},
    {"hours", "extract_hour"},
    {"minute", "extract_minute"},
    {"minutes", "extract_minute"},
    {"second", "extract_second"},
    {"seconds", "extract_second"},
    {"millisecond", "extract_milliseconds"},
    {"milliseconds", "extract_milliseconds"},
    {"microsecond", "extract_microseconds"},
    {"microseconds", "extract_microseconds"},
    {"dow", "extract_dow"},
    {"dayofweek", "extract_dow"},
    {"weekday", "extract_dow"},
    {"isodow", "extract_isodow"},
    {"doy", "extract_doy"},
    {"dayofyear", "extract_doy"},
    {"week", "extract_week"},
    {"weeks", "extract_week"},
    {"isoyear", "extract_isoyear"},
    {"quarter", "extract_quarter"},
    {"quarters", "extract_quarter"},
    {"decade", "extract_decade"},
    {"decades", "extract_decade"},
    {"century", "extract_century"},
    {"centuries", "extract_century"},
    {"millennium", "extract_millennium"},
    {"millennia", "extract_millennium"},
    {"era", "extract_era"},
    {"epoch", "extract_epoch"},
}};

constexpr std::array<Alias, 9> kTruncateUnits = {{
    {"year", "truncate_year"},
    {"quarter", "truncate_quarter"},
    {"month", "truncate_month"},
    {"week", "truncate_week"},
    {"day", "truncate_day"},
    {"hour", "truncate_hour"},
    {"minute", "truncate_minute"},
    {"second", "truncate_second"},
    {"milliseconds", "truncate_milliseconds"},
}};

template <size_t N>
std::string FindAlias(const std::array<Alias, N>& aliases, std::string_view name) {
  for (const Alias& alias : aliases) {
    if (alias.name == name) return std::string(alias.kernel);
  }
  return "";
}

template <size_t N>
std::vector<std::string> Names(const std::array<Alias, N>& aliases) {
  std::vector<std::string> names;
  for (const Alias& alias : aliases) names.emplace_back(alias.name);
  return names;
}

bool Fits(const Signature& signature, const std::vector<Node>& arguments, bool with_casts) {
  if (signature.arguments.size() != arguments.size()) return false;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const v1::DataType given = arguments[i].type();
    const v1::DataType wanted = signature.arguments[i];
    const bool fits = given == wanted || arguments[i].IsUntypedNull() ||
                      (with_casts && given == INT64 && wanted == DOUBLE);
    if (!fits) return false;
  }
  return true;
}

std::string TypeList(const std::vector<v1::DataType>& types) {
  std::vector<std::string_view> names;
  for (const v1::DataType type : types) names.push_back(TypeName(type));
  return fmt::format("({})", fmt::join(names, ", "));
}

std::string NoSuchForm(std::string_view name, const std::vector<const Signature*>& forms,
                       const std::vector<Node>& arguments) {
  std::vector<v1::DataType> given;
  for (const Node& argument : arguments) given.push_back(argument.type());
  std::vector<std::string> allowed;
  for (const Signature* form : forms) {
    allowed.push_back(fmt::format("{}{}", name, TypeList(form->arguments)));
  }
  return fmt::format("there is no {}{}; allowed: {}", name, TypeList(given),
                     fmt::join(allowed, ", "));
}

}  // namespace

std::vector<const Signature*> FindSignatures(std::string_view name) {
  std::vector<const Signature*> found;
  for (const Signature& signature : Signatures()) {
    if (signature.name == name) found.push_back(&signature);
  }
  return found;
}

MaybeNode CallFunction(std::string_view name, std::vector<Node> arguments, int position,
                       ErrorSlot* errors) {
  const std::vector<const Signature*> forms = FindSignatures(name);
  if (const ForeignWord* foreign = FindForeignFunction(name); foreign && forms.empty()) {
    return errors->FailForeign(position, fmt::format("there is no function '{}'", name), *foreign);
  }
  if (forms.empty()) {
    const std::string nearest = NearestName(name, ScalarFunctionNames());
    return errors->Fail(
        position, fmt::format("there is no function '{}'{}", name,
                              nearest.empty() ? "; docs/expressions.md lists them"
                                              : fmt::format("; did you mean '{}'?", nearest)));
  }
  for (const bool with_casts : {false, true}) {
    for (const Signature* form : forms) {
      if (!Fits(*form, arguments, with_casts)) continue;
      for (size_t i = 0; i < arguments.size(); ++i) {
        arguments[i] = CastTo(std::move(arguments[i]), form->arguments[i]);
      }
      return Call(form->kernel, form->result, std::move(arguments), position);
    }
  }
  return errors->Fail(position, NoSuchForm(name, forms, arguments));
}

std::vector<std::string> ScalarFunctionNames() {
  std::vector<std::string> names(kPolymorphic.begin(), kPolymorphic.end());
  for (const Signature& signature : Signatures()) names.emplace_back(signature.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::string ExtractKernel(std::string_view field) { return FindAlias(kExtractFields, field); }

v1::DataType ExtractType(std::string_view kernel) {
  return kernel == "extract_epoch" ? DOUBLE : INT64;
}

std::vector<std::string> ExtractFieldNames() { return Names(kExtractFields); }

std::string TruncateKernel(std::string_view unit) { return FindAlias(kTruncateUnits, unit); }

std::vector<std::string> TruncateUnitNames() { return Names(kTruncateUnits); }

}  // namespace forebay::sql
