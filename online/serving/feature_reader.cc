#include "online/serving/feature_reader.h"

#include <algorithm>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "online/serving/served_answer.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

const Value kNull;

std::string Describe(const Value& value) {
  struct Visitor {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool v) const { return fmt::format("the bool {}", v); }
    std::string operator()(int64_t v) const { return fmt::format("the integer {}", v); }
    std::string operator()(double v) const { return fmt::format("the double {}", v); }
    std::string operator()(const std::string& v) const {
      constexpr size_t kMostShown = 40;
      return fmt::format("the string \"{}\"{}", v.substr(0, kMostShown),
                         v.size() > kMostShown ? "..." : "");
    }
    std::string operator()(const ValueList&) const { return "a list"; }
  };
  return std::visit(Visitor(), value);
}

std::string_view Expected(DataType type) {
  return type == DataType::kTimestamp
             ? "timestamp (RFC 3339 text, or an integer of microseconds since 1970)"
             : DataTypeName(type);
}

// `value` as a key of `type`; null where it is none.
Value KeyOfType(const Value& value, DataType type) {
  switch (type) {
    case DataType::kBool:
      return std::holds_alternative<bool>(value) ? value : kNull;
    case DataType::kInt64:
      return std::holds_alternative<int64_t>(value) ? value : kNull;
    case DataType::kDouble:
      return std::holds_alternative<double>(value) ? value : kNull;
    case DataType::kString:
    case DataType::kBytes:
      return std::holds_alternative<std::string>(value) ? value : kNull;
    case DataType::kTimestamp:
      break;
  }
  if (const auto* text = std::get_if<std::string>(&value)) {
    auto time = ParseTime(*text);
    return time.ok() ? Value(*time) : kNull;
  }
  return std::holds_alternative<int64_t>(value) ? value : kNull;
}

std::string KeyNames(const ReadPlan& plan) {
  std::string names;
  for (const ReadPlan::Key& key : plan.keys) {
    names += fmt::format("{}{} ({})", names.empty() ? "" : ", ", key.name, DataTypeName(key.type));
  }
  return names;
}

// Fills `parts`, one per key of the plan, from the columns that the request gave for one entity.
absl::Status FillParts(const ReadPlan& plan, const EntityKeys& entity, std::vector<Value>& parts) {
  parts.assign(plan.keys.size(), kNull);
  size_t filled = 0;
  for (const auto& [name, value] : entity) {
    size_t key = 0;
    while (key < plan.keys.size() && plan.keys[key].name != name) ++key;
    if (key == plan.keys.size()) {
      return absl::InvalidArgumentError(
          fmt::format("\"{}\" is no key of what is asked for; expected {}", name, KeyNames(plan)));
    }
    if (!IsNull(parts[key])) {
      return absl::InvalidArgumentError(fmt::format("{} is there twice", name));
    }
    parts[key] = KeyOfType(value, plan.keys[key].type);
    if (IsNull(parts[key])) {
      return absl::InvalidArgumentError(
          fmt::format("{} of entity \"{}\" must be of type {}, not {}", name, plan.keys[key].entity,
                      Expected(plan.keys[key].type), Describe(value)));
    }
    ++filled;
  }
  for (size_t key = 0; filled < parts.size() && key < parts.size(); ++key) {
    if (!IsNull(parts[key])) continue;
    return absl::InvalidArgumentError(
        fmt::format("{} is missing; expected {}", plan.keys[key].name, KeyNames(plan)));
  }
  return absl::OkStatus();
}

// The encoded key of each entity of the plan.
void EncodeKeys(const ReadPlan& plan, absl::Span<const Value> parts,
                std::vector<std::string>& encoded) {
  for (size_t i = 0; i < plan.entities.size(); ++i) {
    const ReadPlan::Entity& entity = plan.entities[i];
    if (entity.contiguous) {
      encoded[i] =
          EncodeKey(*entity.entity, parts.subspan(entity.keys.front(), entity.keys.size()));
      continue;
    }
    std::vector<Value> gathered;
    for (size_t key : entity.keys) gathered.push_back(parts[key]);
    encoded[i] = EncodeKey(*entity.entity, gathered);
  }
}

// A request while it is answered, where the answer is kept: it is decided before the first lookup.
class KeptRequest {
 public:
  KeptRequest(const ReadRequest& request, double share) {
    if (share <= 0) return;
    id_ = request.request_id.empty() ? MakeRequestId() : std::string(request.request_id);
    draw_ = DrawOf(id_);
    is_kept_ = draw_ < share;
  }

  bool is_kept() const { return is_kept_; }
  const std::string& id() const { return id_; }
  void Add(const std::vector<Value>& parts) {
    keys_.insert(keys_.end(), parts.begin(), parts.end());
  }

  ServedAnswer Answer(std::optional<KnownTime> at, ReadResult result, LookupFunction lookup) && {
    return {.request_id = std::move(id_),
            .draw = draw_,
            .time_us = absl::ToUnixMicros(absl::Now()),
            .at = at,
            .keys = std::move(keys_),
            .result = std::move(result),
            .lookup = std::move(lookup)};
  }

 private:
  bool is_kept_ = false;
  std::string id_;
  double draw_ = 0;
  std::vector<Value> keys_;
};

// By key of `plan`, its index among the keys that `answered` had.
absl::StatusOr<std::vector<size_t>> KeysWithin(const ReadPlan& plan, const ReadPlan& answered) {
  std::vector<size_t> columns;
  for (const ReadPlan::Key& key : plan.keys) {
    const auto found = std::ranges::find_if(answered.keys, [&](const ReadPlan::Key& other) {
      return other.name == key.name && other.type == key.type;
    });
    if (found == answered.keys.end()) {
      return absl::InvalidArgumentError(
          fmt::format("a shadow needs the key {}, which requests do not have", key.name));
    }
    columns.push_back(static_cast<size_t>(found - answered.keys.begin()));
  }
  return columns;
}

absl::Status WithContext(const absl::Status& status, const std::string& context) {
  return absl::Status(status.code(), fmt::format("{}: {}", context, std::string(status.message())));
}

absl::Status LookUp(const LookupFunction& lookup, const ReadPlan::View& view, std::string_view key,
                    std::optional<KnownTime> at, std::vector<ViewRow>* rows) {
  absl::StatusOr<ViewRow> row = lookup(view.view, key, at);
  if (!row.ok()) return WithContext(row.status(), fmt::format("feature view \"{}\"", view.name));
  if (row->values.size() != static_cast<size_t>(view.feature_count)) {
    return absl::InternalError(fmt::format("feature view \"{}\": {} values for {} features",
                                           view.name, row->values.size(), view.feature_count));
  }
  rows->push_back(*std::move(row));
  return absl::OkStatus();
}

}  // namespace

std::string_view FeatureStatusName(FeatureStatus status) {
  switch (status) {
    case FeatureStatus::kPresent:
      return "PRESENT";
    case FeatureStatus::kNotFound:
      return "NOT_FOUND";
    case FeatureStatus::kNullValue:
      return "NULL_VALUE";
    case FeatureStatus::kOutsideMaxAge:
      return "OUTSIDE_MAX_AGE";
  }
  return "UNKNOWN";
}

ReadResult::ReadResult(std::shared_ptr<const ReadPlan> plan, std::vector<ViewRow> rows)
    : plan_(std::move(plan)), rows_(std::move(rows)) {}

FeatureCell ReadResult::At(size_t feature, size_t entity) const {
  const ReadPlan::Feature& asked = plan_->features[feature];
  const ViewRow& row = rows_[entity * plan_->views.size() + asked.view];
  const Value& value = row.values[asked.value];
  if (!row.found) return {&value, FeatureStatus::kNotFound, std::nullopt, std::nullopt};
  int64_t max_age_us = plan_->views[asked.view].max_age_us;
  // Both times are within the years 1 to 9999: their difference does not overflow.
  if (max_age_us > 0 && row.at.value() - row.event_time.value() > max_age_us) {
    return {&kNull, FeatureStatus::kOutsideMaxAge, row.effective_time, row.event_time};
  }
  FeatureStatus status = IsNull(value) ? FeatureStatus::kNullValue : FeatureStatus::kPresent;
  return {&value, status, row.effective_time, row.event_time};
}

FeatureReader::FeatureReader(const v1::Project& project, LookupFunction lookup,
                             std::shared_ptr<const CatalogState> catalog, KeepAnswer keep)
    : keep_(std::move(keep)),
      snapshot_(MakeSnapshot(std::make_shared<v1::Project>(project), std::move(lookup),
                             std::move(catalog))) {}

FeatureReader::~FeatureReader() = default;

std::shared_ptr<const FeatureReader::Snapshot> FeatureReader::MakeSnapshot(
    std::shared_ptr<const v1::Project> project, LookupFunction lookup,
    std::shared_ptr<const CatalogState> catalog) {
  const v1::Project& of = *project;
  return std::shared_ptr<const Snapshot>(
      new Snapshot{std::move(project), std::move(lookup), ReadPlanner(of, std::move(catalog))});
}

void FeatureReader::SetCatalog(std::shared_ptr<const CatalogState> catalog) {
  std::shared_ptr<const Snapshot> before = snapshot();
  auto now = MakeSnapshot(before->project, before->lookup, std::move(catalog));
  absl::MutexLock lock(&mutex_);
  snapshot_ = std::move(now);
}

void FeatureReader::SetProject(const v1::Project& project, LookupFunction lookup,
                               std::shared_ptr<const CatalogState> catalog) {
  auto now =
      MakeSnapshot(std::make_shared<v1::Project>(project), std::move(lookup), std::move(catalog));
  absl::MutexLock lock(&mutex_);
  snapshot_ = std::move(now);
}

std::shared_ptr<const CatalogState> FeatureReader::catalog() const {
  return snapshot()->planner.catalog();
}

std::shared_ptr<const FeatureReader::Snapshot> FeatureReader::snapshot() const {
  absl::ReaderMutexLock lock(&mutex_);
  return snapshot_;
}

absl::StatusOr<std::shared_ptr<const ReadPlan>> FeatureReader::Resolve(const Snapshot& snapshot,
                                                                       const ReadRequest& request) {
  const int asked =
      !request.feature_service.empty() + !request.features.empty() + !request.model.empty();
  if (asked != 1) {
    return absl::InvalidArgumentError(
        asked == 0 ? "nothing is asked for: give a feature_service, a model or a list of features"
                   : "more than one of feature_service, model and features is given: give one");
  }
  if (!request.feature_service.empty())
    return snapshot.planner.PlanService(request.feature_service);
  if (!request.model.empty()) return snapshot.planner.PlanModel(request.model);
  return snapshot.planner.PlanFeatures(request.features);
}

// What is asked is within bounds.
absl::Status FeatureReader::CheckBounds(const ReadRequest& request, const ReadPlan& plan) {
  if (request.entities.size() > kMostEntities) {
    return absl::InvalidArgumentError(
        fmt::format("{} entities in one request; at most {} are allowed: split it",
                    request.entities.size(), kMostEntities));
  }
  if (request.entities.size() * plan.features.size() > kMostCells) {
    return absl::InvalidArgumentError(fmt::format(
        "{} entities times {} features in one request; at most {} values are allowed: split it",
        request.entities.size(), plan.features.size(), kMostCells));
  }
  if (request.at && (request.at->value() < kMinTime || request.at->value() > kMaxTime)) {
    return absl::InvalidArgumentError(fmt::format(
        "at is {} microseconds since 1970: outside the years 1 to 9999", request.at->value()));
  }
  if (request.request_id.size() > kLongestRequestId) {
    return absl::InvalidArgumentError(fmt::format("request_id has {} bytes; at most {} are allowed",
                                                  request.request_id.size(), kLongestRequestId));
  }
  return absl::OkStatus();
}

absl::StatusOr<ReadResult> FeatureReader::Read(const ReadRequest& request) const {
  const std::shared_ptr<const Snapshot> snapshot = this->snapshot();
  ASSIGN_OR_RETURN(std::shared_ptr<const ReadPlan> plan, Resolve(*snapshot, request));
  RETURN_IF_ERROR(CheckBounds(request, *plan));
  KeptRequest kept(request, keep_ == nullptr ? 0 : plan->kept_share);
  std::vector<ViewRow> rows;
  rows.reserve(request.entities.size() * plan->views.size());
  std::vector<Value> parts;
  std::vector<std::string> keys(plan->entities.size());
  for (size_t i = 0; i < request.entities.size(); ++i) {
    if (request.stopping != nullptr && request.stopping->load(std::memory_order_relaxed)) {
      return absl::UnavailableError("the worker is stopping: ask another, or try again later");
    }
    if (absl::Status status = FillParts(*plan, request.entities[i], parts); !status.ok()) {
      return request.entities.size() == 1 ? status
                                          : WithContext(status, fmt::format("entity {}", i));
    }
    EncodeKeys(*plan, parts, keys);
    for (const ReadPlan::View& view : plan->views)
      RETURN_IF_ERROR(LookUp(snapshot->lookup, view, keys[view.entity], request.at, &rows));
    if (kept.is_kept()) kept.Add(parts);
  }
  ReadResult result(std::move(plan), std::move(rows));
  if (!kept.is_kept()) return result;
  result.request_id_ = kept.id();
  keep_(std::move(kept).Answer(request.at, result, snapshot->lookup));
  return result;
}

absl::StatusOr<ReadResult> FeatureReader::ReadShadow(const ServedAnswer& answer,
                                                     const ReadPlan::Shadow& shadow) {
  RETURN_IF_ERROR(shadow.plan.status());
  const ReadPlan& plan = **shadow.plan;
  const ReadPlan& answered = answer.result.plan();
  ASSIGN_OR_RETURN(const std::vector<size_t> columns, KeysWithin(plan, answered));
  std::vector<ViewRow> rows;
  rows.reserve(answer.result.entity_count() * plan.views.size());
  std::vector<Value> parts(columns.size());
  std::vector<std::string> keys(plan.entities.size());
  for (size_t i = 0; i < answer.result.entity_count(); ++i) {
    for (size_t key = 0; key < columns.size(); ++key)
      parts[key] = answer.keys[i * answered.keys.size() + columns[key]];
    EncodeKeys(plan, parts, keys);
    for (const ReadPlan::View& view : plan.views) {
      const auto same = std::ranges::find(answered.views, view.view, &ReadPlan::View::view);
      if (same != answered.views.end()) {
        const auto slot = static_cast<size_t>(same - answered.views.begin());
        rows.push_back(answer.result.rows_[i * answered.views.size() + slot]);
        continue;
      }
      std::optional<KnownTime> at = answer.at;
      if (!at && view.of_wall_clock) at = KnownTime(answer.time_us);
      RETURN_IF_ERROR(LookUp(answer.lookup, view, keys[view.entity], at, &rows));
    }
  }
  return ReadResult(*shadow.plan, std::move(rows));
}

}  // namespace forebay
