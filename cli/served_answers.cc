#include "cli/served_answers.h"

#include <memory>
#include <string>
#include <vector>

#include "schemas/types/view_id.h"

namespace forebay {
namespace {

std::shared_ptr<const ServedColumns> ServedColumnsOf(const ReadPlan& plan) {
  auto columns = std::make_shared<ServedColumns>();
  columns->service = plan.service;
  columns->version = plan.service_version;
  for (const ReadPlan::View& view : plan.views)
    columns->views.push_back(ViewId{view.name, view.version}.ToString());
  for (const ReadPlan::Key& key : plan.keys) columns->keys.push_back({key.name, key.type});
  for (const ReadPlan::Feature& feature : plan.features)
    columns->features.push_back({feature.name, feature.type});
  return columns;
}

size_t BytesOf(const Value& value) {
  struct Visitor {
    size_t operator()(const std::string& text) const { return text.size(); }
    size_t operator()(const ValueList& list) const {
      size_t bytes = list.size() * sizeof(ValueElement);
      for (const ValueElement& element : list) {
        if (const auto* text = std::get_if<std::string>(&element)) bytes += text->size();
      }
      return bytes;
    }
    size_t operator()(std::monostate) const { return 0; }
    size_t operator()(bool) const { return 0; }
    size_t operator()(int64_t) const { return 0; }
    size_t operator()(double) const { return 0; }
  };
  return sizeof(Value) + std::visit(Visitor(), value);
}

// Of memory, about: features that the service does not take are not looked at.
size_t BytesOf(const ServedAnswer& answer) {
  size_t bytes = sizeof(ServedAnswer) + answer.request_id.size();
  for (const Value& key : answer.keys) bytes += BytesOf(key);
  const ReadResult& result = answer.result;
  for (const ReadPlan::View& view : result.plan().views)
    bytes += result.entity_count() * (sizeof(ViewRow) + view.feature_count * sizeof(Value));
  for (size_t entity = 0; entity < result.entity_count(); ++entity) {
    for (size_t feature = 0; feature < result.features().size(); ++feature)
      bytes += BytesOf(*result.At(feature, entity).value);
  }
  return bytes;
}

// By key of `plan`, its place among those of `answered`, which has them all.
std::vector<size_t> PlacesOfKeys(const ReadPlan& plan, const ReadPlan& answered) {
  std::vector<size_t> places;
  for (const ReadPlan::Key& key : plan.keys) {
    size_t place = 0;
    while (answered.keys[place].name != key.name) ++place;
    places.push_back(place);
  }
  return places;
}

// `shadow_of`: the version of the model that was answered; 0: this is what was.
void AddRows(const ServedAnswer& answer, const ReadResult& result, uint32_t shadow_of,
             const ServedLog::AddRow& add) {
  const ReadPlan& plan = result.plan();
  const ReadPlan& answered = answer.result.plan();
  const std::shared_ptr<const ServedColumns> columns = ServedColumnsOf(plan);
  const std::vector<size_t> places = PlacesOfKeys(plan, answered);
  std::vector<Value> keys(places.size());
  std::vector<const Value*> values(plan.features.size());
  std::vector<std::string_view> statuses(plan.features.size());
  ServedRow row{.request_id = answer.request_id,
                .time_us = answer.time_us,
                .shadow_of = shadow_of,
                .keys = keys,
                .values = values,
                .statuses = statuses};
  if (answer.at) row.at_us = answer.at->value();
  if (plan.model) {
    row.model = plan.model->name;
    row.model_version = plan.model->version;
    row.catalog_version = plan.model->catalog_version;
  }
  for (size_t entity = 0; entity < result.entity_count(); ++entity) {
    row.entity = static_cast<int64_t>(entity);
    for (size_t key = 0; key < places.size(); ++key)
      keys[key] = answer.keys[entity * answered.keys.size() + places[key]];
    for (size_t feature = 0; feature < plan.features.size(); ++feature) {
      const FeatureCell cell = result.At(feature, entity);
      values[feature] = cell.value;
      statuses[feature] = FeatureStatusName(cell.status);
    }
    add(columns, row);
  }
}

}  // namespace

void ServedAnswers::Take(ServedAnswer answer) {
  const auto rows = static_cast<int64_t>(answer.result.entity_count());
  const size_t bytes = BytesOf(answer);
  auto shared = std::make_shared<const ServedAnswer>(std::move(answer));
  log_.Take({.rows = rows, .bytes = bytes, .write = [this, shared](const ServedLog::AddRow& add) {
               Write(*shared, add);
             }});
}

void ServedAnswers::Write(const ServedAnswer& answer, const ServedLog::AddRow& add) {
  const ReadPlan& plan = answer.result.plan();
  AddRows(answer, answer.result, 0, add);
  for (const ReadPlan::Shadow& shadow : plan.shadows) {
    if (answer.draw >= shadow.sample) continue;
    absl::StatusOr<ReadResult> result = FeatureReader::ReadShadow(answer, shadow);
    if (result.ok()) {
      AddRows(answer, *result, plan.model->version, add);
    } else {
      ++shadow_errors_;
    }
  }
}

}  // namespace forebay
