#include "engine/task/task_dump.h"

#include <fmt/format.h>

#include <map>

#include "engine/state/key.h"
#include "engine/state/key_state.h"
#include "engine/task/stored_views.h"
#include "forebay/v1/definition.pb.h"
#include "forebay/v1/state.pb.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

std::string TimeText(int64_t micros) {
  if (micros == Window::kNever) return "\"never\"";
  return fmt::format("\"{}\"", FormatTime(micros));
}

absl::StatusOr<std::string> StateLine(const ViewTaskPlan& view, std::string_view key,
                                      std::string_view bytes) {
  ASSIGN_OR_RETURN(KeyState state, KeyState::Decode(view.tiles, bytes));
  ASSIGN_OR_RETURN(std::vector<Value> parts, DecodeKey(*view.entity, key));
  std::string line =
      fmt::format("{{\"view\":\"{}\",\"version\":{},\"key\":", view.definition->name(),
                  view.definition->version());
  AppendJsonString(KeyText(*view.entity, parts), &line);
  line += fmt::format(
      ",\"live\":{},\"last_effective\":{},\"event_time\":{},\"next_boundary\":{},\"bytes\":{}",
      state.live(), TimeText(state.last_effective()), TimeText(state.event_time()),
      TimeText(state.next_boundary()), bytes.size());
  line += ",\"tiles\":[";
  for (size_t level = 0; level < view.tiles.levels().size(); ++level) {
    line += fmt::format("{}{}", level == 0 ? "" : ",", state.TileCount(level));
  }
  line += "],\"features\":{";
  std::vector<Scalar> features(view.tiles.feature_count());
  Finalizer finalizer(view.tiles);
  finalizer.Finalize(state, state.last_effective(), features.data());
  for (int i = 0; i < view.definition->features_size(); ++i) {
    const v1::Feature& feature = view.definition->features(i);
    if (i > 0) line += ',';
    AppendJsonString(feature.name(), &line);
    line += ':';
    auto type = static_cast<DataType>(feature.type());
    AppendJsonValue(ToValue(features[i], type), type, &line);
  }
  return line + "}}";
}

}  // namespace

absl::Status DumpMeta(const StateStore& store, const DumpLine& line) {
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(store));
  std::string views;
  for (const v1::StoredView& view : meta.views()) {
    views += fmt::format(
        "{}{{\"id\":{},\"name\":\"{}\",\"version\":{},\"position\":{},\"last_row\":{}}}",
        views.empty() ? "" : ",", view.id(), view.name(), view.version(), view.position(),
        view.has_last_row() ? fmt::to_string(view.last_row()) : "null");
  }
  std::string sources;
  for (const v1::SourceProgress& source : meta.sources()) {
    sources +=
        fmt::format("{}{{\"partition\":{},\"applied_offset\":{},\"clock\":{},\"at_end\":{}}}",
                    sources.empty() ? "" : ",", source.partition(), source.applied_offset(),
                    source.has_clock_us() ? TimeText(source.clock_us()) : "null", source.at_end());
  }
  std::string archive;
  if (meta.has_archive()) {
    archive = fmt::format(
        ",\"archive\":{{\"source\":\"{}\",\"after\":{},\"position\":{},\"last_row\":{}}}",
        meta.archive().source(), meta.archive().after(), meta.archive().position(),
        meta.archive().last_row());
  }
  line(fmt::format(
      "{{\"position\":{},\"clock\":{},\"partition_count\":{},\"format_version\":{},\"views\":[{}],"
      "\"sources\":[{}]{}}}",
      meta.position(), meta.has_clock_us() ? TimeText(meta.clock_us()) : "null",
      meta.partition_count(), meta.format_version(), views, sources, archive));
  return absl::OkStatus();
}

absl::Status DumpStates(const TaskPlan& plan, const StateStore& store, const DumpLine& line) {
  ASSIGN_OR_RETURN(v1::TaskMeta meta, ReadTaskMeta(store));
  std::map<uint32_t, const ViewTaskPlan*> views;
  for (const v1::StoredView& stored : meta.views()) {
    for (const ViewTaskPlan& view : plan.views) {
      if (view.definition->name() == stored.name() &&
          view.definition->version() == stored.version()) {
        views[stored.id()] = &view;
      }
    }
  }
  return store.Scan([&](std::string_view key, std::string_view bytes) -> absl::Status {
    auto view = views.find(StoredViewNumber(key));
    if (view == views.end()) return absl::OkStatus();  // of a view that is no longer defined
    ASSIGN_OR_RETURN(std::string text,
                     StateLine(*view->second, key.substr(kStoredPrefixBytes), bytes));
    line(text);
    return absl::OkStatus();
  });
}

}  // namespace forebay
