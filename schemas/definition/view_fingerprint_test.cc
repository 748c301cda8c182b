#include "schemas/definition/view_fingerprint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_replace.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/project_folder_for_test.h"

namespace forebay {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kDefinitions[] = R"(
sources:
  - name: orders
    topic: orders
    format: json
    key: [user]
    schema: {user: string, amount: double, note: string, unused: string, at: timestamp_ms, seen: timestamp_ms}
    event_time: at
    known_time: kafka
    max_future: 5m
entities:
  - {name: buyer, keys: {user: string}}
feature_views:
  - name: spend
    version: 1
    source: orders
    entity: buyer
    where: amount > 0
    max_age: 1h
    emit: {every: 1s}
    features:
      - {name: sum, value: sum(amount), windows: [1h, 24h]}
      - {name: last, value: last(note), windows: [1h], default: none}
)";

std::string FingerprintOf(const std::string& definitions) {
  ProjectFolder folder;
  folder.Write("features/base.yaml", "");
  folder.Write("features/orders.yaml", definitions);
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  if (!loaded.ok()) {
    ADD_FAILURE() << loaded.status().message();
    return "";
  }
  for (const v1::FeatureView& view : loaded->project->feature_views()) {
    if (view.name() == "spend") return ViewFingerprint(*loaded->project, view);
  }
  return "";
}

std::vector<std::string> PartsChangedBy(const std::string& from, const std::string& to) {
  std::string changed = absl::StrReplaceAll(kDefinitions, {{from, to}});
  EXPECT_NE(changed, kDefinitions);
  return ChangedParts(FingerprintOf(kDefinitions), FingerprintOf(changed));
}

TEST(ViewFingerprint, CoversWhatValuesDependOn) {
  EXPECT_THAT(PartsChangedBy("amount > 0", "amount > 1"), ElementsAre("where"));
  EXPECT_THAT(PartsChangedBy("sum(amount)", "max(amount)"), ElementsAre("features"));
  EXPECT_THAT(PartsChangedBy("[1h, 24h]", "[1h, 12h]"), ElementsAre("features"));
  EXPECT_THAT(PartsChangedBy("default: none", "default: ''"), ElementsAre("default"));
  EXPECT_THAT(PartsChangedBy("every: 1s", "every: 2s"), ElementsAre("emit"));
  EXPECT_THAT(PartsChangedBy("max_age: 1h", "max_age: 2h"), ElementsAre("max_age"));
  EXPECT_THAT(PartsChangedBy("buyer", "client"), ElementsAre("entity"));
  EXPECT_THAT(PartsChangedBy("topic: orders", "topic: orders2"), ElementsAre("source.topic"));
  EXPECT_THAT(PartsChangedBy("key: [user]", "key: none"), ElementsAre("source.key"));
  EXPECT_THAT(PartsChangedBy("event_time: at", "event_time: seen"),
              ElementsAre("source.event_time", "source.schema"));
  EXPECT_THAT(PartsChangedBy("known_time: kafka", "known_time: event_time"),
              ElementsAre("source.known_time"));
  EXPECT_THAT(PartsChangedBy("known_time: kafka", "known_time: seen"),
              ElementsAre("source.known_time", "source.schema"));
  EXPECT_THAT(PartsChangedBy("at: timestamp_ms", "at: timestamp_us"), ElementsAre("source.schema"));
}

TEST(ViewFingerprint, CoversNothingElse) {
  EXPECT_THAT(PartsChangedBy("amount > 0", "amount  >  0"), IsEmpty());
  EXPECT_THAT(PartsChangedBy("unused: string", "unused: int64, more: bool"), IsEmpty());
  EXPECT_THAT(PartsChangedBy("    max_age", "    history: off\n    updates: off\n    max_age"),
              IsEmpty());
  EXPECT_THAT(PartsChangedBy("    max_age",
                             "    updates: {every: change, expiry: off, headers: all}\n"
                             "    max_age"),
              IsEmpty());
  EXPECT_THAT(PartsChangedBy("max_future: 5m", "max_future: 6m"), IsEmpty());
  EXPECT_THAT(PartsChangedBy("max_future: 5m", "archive: on"), IsEmpty());
}

TEST(ViewFingerprint, LeavesOutAlerts) {
  EXPECT_THAT(PartsChangedBy("default: none", "default: none, alerts: {psi: 0.2}"), IsEmpty());
}

TEST(ViewFingerprint, TheMessageNamesWhatChanged) {
  std::string changed = absl::StrReplaceAll(kDefinitions, {{"1h, 24h", "1h"}, {"max_age: 1h", ""}});
  absl::Status status = ChangedUnderVersion({"spend", 3}, FingerprintOf(kDefinitions),
                                            FingerprintOf(changed), "its offline table");
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(status.message(),
              HasSubstr("view spend version 3 was changed (default, features, max_age) after its "
                        "offline table was made."));
  EXPECT_THAT(status.message(), HasSubstr("raise its version to 4"));
  EXPECT_THAT(status.message(), HasSubstr("`forebay reset spend@3`"));
}

}  // namespace
}  // namespace forebay
