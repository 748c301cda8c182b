#include "offline/verify/key_comparison.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

constexpr std::string_view kStepColumns[] = {"_effective_time", "_event_time", "_known_time", "_op",
                                             "_source_offset",  "_ordinal"};

std::string_view OpText(ChangeOp op) {
  switch (op) {
    case ChangeOp::kEvent:
      return "event";
    case ChangeOp::kExpire:
      return "expire";
    case ChangeOp::kDelete:
      return "delete";
  }
  return "";
}

bool IsLive(const std::optional<StepText>& step) { return step && step->live(); }

bool IsSameStep(const StepText& a, const StepText& b) {
  return a.offset == b.offset && a.ordinal == b.ordinal;
}

std::string Describe(const std::optional<StepText>& step) {
  if (!step) return "nothing";
  return fmt::format("{} of offset {}", OpText(step->op), step->offset.value());
}

absl::string_view ToAbsl(std::string_view text) { return {text.data(), text.size()}; }

size_t BytesOf(const std::optional<StepText>& step) { return step ? step->features.capacity() : 0; }

}  // namespace

// What was found of a key.
struct KeyComparison::Judgement {
  bool present = false;  // in some place
  bool moving = false;
  std::vector<std::string> why;  // it differs
  std::set<size_t> columns;      // that do
  std::vector<std::string> online;
};

KeyCounts& KeyCounts::operator+=(const KeyCounts& other) {
  equal += other.equal;
  differing += other.differing;
  moving += other.moving;
  looked_up += other.looked_up;
  return *this;
}

bool KeyComparison::LeavesOutExpiries() const {
  return view_.update_expiry() == v1::FeatureView::OFF;
}

bool KeyComparison::Emits() const { return view_.emit_every_us() > 0; }

bool KeyComparison::Takes(std::string_view key) const {
  const uint64_t hash = HashedKey(key).hash;
  return hash >= first_ && hash <= last_;
}

// Null: the key is left for another pass.
KeyComparison::Entry* KeyComparison::EntryOf(std::string_view key) {
  if (!Takes(key)) return nullptr;
  while (bytes_ > limits_.memory && last_ > first_) Shrink();
  if (!Takes(key)) return nullptr;
  auto [entry, is_new] = entries_.try_emplace(ToAbsl(key));
  if (is_new) bytes_ += key.size() + sizeof(Entry);
  return &entry->second;
}

void KeyComparison::Shrink() {
  last_ = first_ + (last_ - first_) / 2;
  absl::erase_if(entries_, [this](const auto& entry) { return !Takes(entry.first); });
  bytes_ = 0;
  for (const auto& [key, entry] : entries_) {
    bytes_ += key.size() + sizeof(Entry) + BytesOf(entry.row) + BytesOf(entry.published) +
              BytesOf(entry.update);
  }
}

// Whether the step can have been made up to the position. A tombstone says its effective time only,
// which is when an expiry is known.
bool KeyComparison::MayCount(const StepText& step) const {
  if (step.offset <= limits_.position) return true;
  if (!limits_.files || step.offset > limits_.files->last) return false;
  return (step.live() ? step.known_time : step.effective_time) < limits_.files->until;
}

// Of one that may count: whether the topic may as well have made it later.
bool KeyComparison::IsUnclear(const StepText& step) const {
  if (step.offset <= limits_.position || step.offset < limits_.files->topic_from) return false;
  if (step.op != ChangeOp::kEvent || Emits()) return true;
  return !limits_.files->has_all_before && step.effective_time >= limits_.clock.value();
}

// Of a step of which nothing else tells, `online`: null: the state has nothing of the key.
bool KeyComparison::IsLaterThan(const OnlineKey* online,
                                const std::optional<StepText>& step) const {
  if (!step || !IsUnclear(*step)) return false;
  // A key that is not there may come by an event.
  if (online == nullptr) return step->op == ChangeOp::kEvent && !limits_.files->has_all_before;
  if (!online->live && (step->op != ChangeOp::kEvent || limits_.files->has_all_before))
    return false;
  return step->effective_time > online->last_effective;
}

bool KeyComparison::WantsRow(std::string_view key, const StepText& row) const {
  if (!MayCount(row) || !Takes(key)) return false;
  auto found = entries_.find(ToAbsl(key));
  if (found == entries_.end() || !found->second.row) return true;
  const Entry& entry = found->second;
  if (row.effective_time > entry.row->effective_time) return true;
  return LeavesOutExpiries() && entry.row->op == ChangeOp::kExpire && row.op != ChangeOp::kExpire &&
         (!entry.published || row.effective_time > entry.published->effective_time);
}

void KeyComparison::AddRow(std::string_view key, StepText row) {
  Entry* entry = EntryOf(key);
  if (entry == nullptr) return;
  bytes_ += row.features.capacity();
  if (entry->row && row.effective_time <= entry->row->effective_time) {
    entry->published = std::move(row);
    return;
  }
  if (LeavesOutExpiries() && row.op == ChangeOp::kExpire) {
    if (entry->row && entry->row->op != ChangeOp::kExpire) entry->published = std::move(entry->row);
  } else {
    entry->published.reset();
  }
  entry->row = std::move(row);
}

void KeyComparison::AddUpdate(std::string_view key, absl::StatusOr<StepText> update) {
  Entry* entry = EntryOf(key);
  if (entry == nullptr) return;
  if (update.ok() && !MayCount(*update) && update->offset < limits_.end) {
    entry->moved = true;
    return;
  }
  entry->update.reset();
  entry->odd.clear();
  if (!update.ok()) {
    entry->odd = std::string(update.status().message());
  } else if (!MayCount(*update)) {
    entry->odd = fmt::format("it says that offset {} made it, and the partition ends before {}",
                             update->offset.value(), limits_.end.value());
  } else {
    bytes_ += update->features.capacity();
    entry->update = *std::move(update);
  }
}

bool KeyComparison::AddOnline(std::string_view key, const OnlineKey& online) {
  if (!Takes(key)) return false;
  auto found = entries_.find(ToAbsl(key));
  if (found == entries_.end()) {
    Judge(key, Entry(), &online);
    return false;
  }
  found->second.judged = true;
  return Judge(key, found->second, &online) && IsLive(BaseOf(found->second)) && !Emits();
}

void KeyComparison::AddLookup(std::string_view key, const std::optional<StepText>& answer) {
  const Entry& entry = entries_.find(ToAbsl(key))->second;
  const StepText& base = *BaseOf(entry);
  if (!answer || answer->effective_time > base.effective_time) return;
  Judgement judgement;
  judgement.online = TextsOf(*answer);
  judgement.columns = DifferingColumns(base, judgement.online);
  if (judgement.columns.empty()) {
    ++counts_.looked_up;
    return;
  }
  judgement.why.push_back(
      fmt::format("a lookup answers otherwise than the state, as of the step of {}",
                  FormatTime(answer->effective_time)));
  --counts_.equal;
  ++counts_.differing;
  Keep(key, entry, nullptr, judgement);
}

const std::optional<StepText>& KeyComparison::BaseOf(const Entry& entry) const {
  return places_.table ? entry.row : entry.update;
}

// Of features and of the first two times, which is what is known online.
std::set<size_t> KeyComparison::DifferingColumns(const StepText& base,
                                                 const std::vector<std::string>& online) const {
  const std::vector<std::string> texts = TextsOf(base);
  std::set<size_t> columns;
  for (size_t i = 0; i < static_cast<size_t>(view_.features_size()) + 2; ++i) {
    if (texts[i] != online[i]) columns.insert(i);
  }
  return columns;
}

bool KeyComparison::Finish() {
  for (const auto& [key, entry] : entries_) {
    if (!entry.judged) Judge(key, entry, nullptr);
  }
  entries_.clear();
  bytes_ = 0;
  const uint64_t width = last_ - first_;
  if (last_ == UINT64_MAX) return false;
  first_ = last_ + 1;
  last_ = width > UINT64_MAX - first_ ? UINT64_MAX : first_ + width;
  return true;
}

std::string KeyComparison::ColumnName(size_t column) const {
  const auto features = static_cast<size_t>(view_.features_size());
  if (column < features) return view_.features(static_cast<int>(column)).name();
  return std::string(kStepColumns[column - features]);
}

// In the order of ColumnName.
std::vector<std::string> KeyComparison::TextsOf(const StepText& step) const {
  std::vector<std::string> texts;
  if (view_.features_size() > 0) texts = absl::StrSplit(step.features, '\n');
  texts.resize(static_cast<size_t>(view_.features_size()));
  texts.push_back(FormatTime(step.effective_time));
  texts.push_back(FormatTime(step.event_time));
  texts.push_back(FormatTime(step.known_time));
  texts.emplace_back(OpText(step.op));
  texts.push_back(std::to_string(step.offset.value()));
  texts.push_back(std::to_string(step.ordinal));
  return texts;
}

void KeyComparison::JudgeUpdate(const Entry& entry, Judgement* judgement) const {
  if (!places_.updates) return;
  judgement->present |= IsLive(entry.update);
  if (!entry.odd.empty()) {
    judgement->present = true;
    judgement->why.push_back("the newest record of the update topic is none of forebay's: " +
                             entry.odd);
    return;
  }
  if (!entry.update && entry.moved) {
    judgement->present = judgement->moving = true;
    return;
  }
  if (!places_.table) return;
  const std::optional<StepText>& row = entry.published ? entry.published : entry.row;
  const bool published = row && !(LeavesOutExpiries() && row->op == ChangeOp::kExpire);
  const bool in_table = published && row->live();
  if (!in_table && !IsLive(entry.update)) return;
  if (!IsLive(entry.update)) {
    judgement->why.emplace_back(entry.update ? "the update topic deletes it"
                                             : "the update topic lacks it");
  } else if (!in_table) {
    judgement->why.emplace_back(published ? "the table deletes it" : "the table lacks it");
  } else if (*row != *entry.update) {
    judgement->why.push_back(
        IsSameStep(*row, *entry.update)
            ? fmt::format("update topic and table have other values of the step of offset {}",
                          row->offset.value())
            : fmt::format("the newest update is of offset {}, the newest row of offset {}",
                          entry.update->offset.value(), row->offset.value()));
    const std::vector<std::string> a = TextsOf(*row), b = TextsOf(*entry.update);
    for (size_t i = 0; i < a.size(); ++i) {
      if (a[i] != b[i]) judgement->columns.insert(i);
    }
  }
}

void KeyComparison::JudgeOnline(const Entry& entry, const OnlineKey* online,
                                Judgement* judgement) const {
  if (!places_.online || (!places_.table && !entry.odd.empty())) return;
  const std::optional<StepText>& base = BaseOf(entry);
  const std::string_view place = places_.table ? "the table" : "the update topic";
  const bool live = online != nullptr && online->live;
  judgement->present |= live;
  const bool unknown = !places_.table && !base && entry.moved;
  if (unknown || (online != nullptr && online->unemitted)) {
    judgement->moving = true;
    return;
  }
  if (!live && !IsLive(base)) return;
  if (!live) {
    judgement->why.emplace_back("the state lacks it");
    return;
  }
  if (!IsLive(base)) {
    judgement->why.push_back(
        fmt::format("{} {} it, the state does not", place, base ? "deletes" : "lacks"));
    return;
  }
  const int64_t at = base->effective_time;
  if (online->last_effective > at && !places_.table && LeavesOutExpiries()) {
    judgement->moving = true;  // the state is that after an expiry that was not published
    return;
  }
  if (online->last_effective > at || (online->last_effective < at && !Emits())) {
    judgement->why.push_back(fmt::format("the state's last step is of {}, that of {} of {}",
                                         FormatTime(online->last_effective), place,
                                         FormatTime(at)));
    return;
  }
  judgement->online = TextsOf({.effective_time = at,
                               .event_time = online->event_time,
                               .features = online->features_at(at)});
  std::set<size_t> columns = DifferingColumns(*base, judgement->online);
  if (columns.empty()) return;
  judgement->columns.merge(columns);
  judgement->why.push_back(
      fmt::format("the state at the time of the step of offset {} has other values than {}",
                  base->offset.value(), place));
}

// Whether all agree that the key is there.
bool KeyComparison::Judge(std::string_view key, const Entry& entry, const OnlineKey* online) {
  if (IsLaterThan(online, entry.row) || IsLaterThan(online, entry.published) ||
      IsLaterThan(online, entry.update)) {
    ++counts_.moving;
    return false;
  }
  Judgement judgement;
  judgement.present = places_.table && IsLive(entry.row);
  JudgeUpdate(entry, &judgement);
  JudgeOnline(entry, online, &judgement);
  if (!judgement.why.empty()) {
    ++counts_.differing;
    Keep(key, entry, online, judgement);
  } else if (judgement.moving) {
    ++counts_.moving;
  } else if (judgement.present) {
    ++counts_.equal;
    return true;
  }
  return false;
}

void KeyComparison::Keep(std::string_view key, const Entry& entry, const OnlineKey* online,
                         const Judgement& judgement) {
  const std::string why = absl::StrJoin(judgement.why, "; ");
  const std::optional<StepText>& row = entry.published ? entry.published : entry.row;
  // Where no feature differs, what else does says enough of the key.
  std::set<size_t> columns = judgement.columns;
  const auto features = static_cast<size_t>(view_.features_size());
  if (!columns.empty() && *columns.begin() < features)
    columns.erase(columns.lower_bound(features), columns.end());
  auto has_room = [this] { return differences_.size() < limits_.shown; };
  if (columns.empty() && has_room()) {
    KeyDifference& whole = differences_.emplace_back();
    whole = {.key = std::string(key), .why = why};
    if (places_.table) whole.table = Describe(entry.row);
    if (places_.updates) whole.updates = entry.odd.empty() ? Describe(entry.update) : "odd";
    if (places_.online) {
      whole.online = online != nullptr && online->live
                         ? fmt::format("step of {}", FormatTime(online->last_effective))
                         : "nothing";
    }
  }
  auto text = [](const std::vector<std::string>& texts, size_t column) {
    return column < texts.size() ? texts[column] : "";
  };
  for (size_t column : columns) {
    if (!has_room()) return;
    KeyDifference& difference = differences_.emplace_back();
    difference = {.key = std::string(key), .column = ColumnName(column), .why = why};
    if (places_.table && row) difference.table = text(TextsOf(*row), column);
    if (places_.updates && entry.update) difference.updates = text(TextsOf(*entry.update), column);
    if (column < features + 2) difference.online = text(judgement.online, column);
  }
}

}  // namespace forebay
