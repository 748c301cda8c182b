#include "schemas/definition/view_fingerprint.h"

#define XXH_INLINE_ALL
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"

namespace forebay {
namespace {

class Fingerprint {
 public:
  void Add(std::string_view part, std::string_view meaning) {
    text_ += fmt::format("{}{}={:016x}", text_.empty() ? "" : " ", part,
                         XXH3_64bits(meaning.data(), meaning.size()));
  }
  std::string text() && { return std::move(text_); }

 private:
  std::string text_;
};

void AddColumns(const v1::Expression& expression, std::set<std::string>* columns) {
  if (expression.has_column()) columns->insert(expression.column());
  for (const v1::Expression& argument : expression.call().arguments())
    AddColumns(argument, columns);
}

std::string MeaningOfFeatures(const v1::FeatureView& view, std::set<std::string>* columns) {
  std::string text;
  for (const v1::Aggregate& aggregate : view.aggregates()) {
    v1::Aggregate meaning = aggregate;
    meaning.clear_sql();
    text += '\n' + meaning.SerializeAsString();
    for (const v1::Expression& argument : aggregate.arguments()) AddColumns(argument, columns);
    AddColumns(aggregate.filter(), columns);
  }
  for (const v1::Feature& feature : view.features()) {
    text += fmt::format("\n{} {} ", feature.name(), feature.aggregate()) +
            feature.window().SerializeAsString();
  }
  return text;
}

std::string MeaningOfDefaults(const v1::FeatureView& view) {
  std::string text;
  for (const v1::Feature& feature : view.features())
    text += feature.default_value().SerializeAsString() + '\n';
  return text;
}

std::string MeaningOfColumns(const v1::Source& source, const std::set<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) {
    if (const v1::Field* field = FindColumn(source, column); field != nullptr)
      text += field->SerializeAsString() + '\n';
  }
  return text;
}

std::map<std::string, std::string, std::less<>> PartsOf(std::string_view fingerprint) {
  std::map<std::string, std::string, std::less<>> parts;
  std::istringstream in{std::string(fingerprint)};
  for (std::string part; in >> part;) {
    size_t name = part.find('=');
    parts[part.substr(0, name)] = part.substr(std::min(name, part.size()));
  }
  return parts;
}

}  // namespace

std::string ViewFingerprint(const v1::Project& project, const v1::FeatureView& view) {
  const v1::Source& source = *FindSource(project, view.source());
  const v1::Entity& entity = *FindEntity(project, view.entity());
  std::set<std::string> columns;
  AddColumns(view.where(), &columns);
  Fingerprint fingerprint;
  fingerprint.Add("where", view.where().SerializeAsString());
  fingerprint.Add("features", MeaningOfFeatures(view, &columns));
  fingerprint.Add("default", MeaningOfDefaults(view));
  fingerprint.Add("emit", std::to_string(view.emit_every_us()));
  fingerprint.Add("max_age", std::to_string(view.max_age_us()));
  v1::Entity meaning = entity;
  meaning.clear_about();
  fingerprint.Add("entity", meaning.SerializeAsString());
  fingerprint.Add("source", source.name());
  fingerprint.Add("source.topic", source.topic());
  fingerprint.Add("source.format",
                  fmt::format("{} {}", v1::Source::Format_Name(source.format()), source.message()));
  std::string key;
  for (const std::string& column : source.key()) key += column + '\n';
  fingerprint.Add("source.key", key);
  columns.insert(source.event_time());
  fingerprint.Add("source.event_time", source.event_time());
  std::string known_time = v1::Source::KnownTime_Name(source.known_time());
  if (source.known_time() == v1::Source::COLUMN) {
    columns.insert(source.known_time_column());
    known_time += ' ' + source.known_time_column();
  }
  fingerprint.Add("source.known_time", known_time);
  for (const v1::Field& field : entity.keys()) columns.insert(field.name());
  fingerprint.Add("source.schema", MeaningOfColumns(source, columns));
  return std::move(fingerprint).text();
}

std::vector<std::string> ChangedParts(std::string_view before, std::string_view now) {
  auto was = PartsOf(before), is = PartsOf(now);
  std::vector<std::string> changed;
  for (const auto& [part, hash] : is) {
    auto found = was.find(part);
    if (found == was.end() || found->second != hash) changed.push_back(part);
  }
  for (const auto& [part, hash] : was) {
    if (!is.contains(part)) changed.push_back(part);
  }
  return changed;
}

absl::Status ChangedUnderVersion(const ViewId& view, std::string_view before, std::string_view now,
                                 std::string_view made) {
  return absl::FailedPreconditionError(fmt::format(
      "view {} version {} was changed ({}) after {} was made. Versions are immutable: restore the "
      "definition, raise its version to {}, or remove what it left with `forebay reset {}`",
      view.name, view.version, fmt::join(ChangedParts(before, now), ", "), made, view.version + 1,
      view.ToString()));
}

}  // namespace forebay
