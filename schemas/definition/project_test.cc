#include "schemas/definition/project.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "forebay/v1/definition.pb.h"
#include "schemas/definition/lookup.h"
#include "schemas/definition/project_folder_for_test.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

// Loads a project that must be right, with `views` beside the base file.
v1::Project LoadWith(const std::string& views) {
  ProjectFolder folder;
  folder.Write("features/views.yaml", views);
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  if (!loaded.ok()) {
    ADD_FAILURE() << loaded.status().message();
    return {};
  }
  return *loaded->project;
}

std::vector<std::string> FeatureNames(const v1::FeatureView& view) {
  std::vector<std::string> names;
  for (const v1::Feature& feature : view.features()) names.push_back(feature.name());
  return names;
}

v1::FeatureView LoadFeatures(const std::string& features) {
  v1::Project project = LoadWith(
      "feature_views:\n  - name: spend\n    source: transactions\n"
      "    entity: user\n    features:\n" +
      features);
  return project.feature_views_size() == 1 ? project.feature_views(0) : v1::FeatureView();
}

TEST(Project, TheExampleOfTheDesignBecomesThisMessage) {
  ProjectFolder folder;
  folder.Remove("features/base.yaml");
  folder.Write("features/fraud.yaml", R"(
sources:
  - name: transactions
    topic: card.transactions
    format: json
    key: [user_id]
    schema: {user_id: string, amount: double, event_time: timestamp_ms}
    event_time: event_time
    known_time: event_time
    max_future: 1h
entities:
  - {name: user, keys: {user_id: string}}
feature_views:
  - name: user_spend
    version: 3
    source: transactions
    entity: user
    where: amount > 0
    max_age: 1d
    features:
      - {name: spend, value: sum(amount), windows: [1h, {tumbling: 1d}]}
      - {name: events, value: count(*), windows: [lifetime]}
feature_services:
  - name: fraud
    features: [user_spend.events_lifetime, user_spend.spend_1h]
  - name: everything
    features: ["user_spend.*"]
)");
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  // SQL has tests of its own.
  loaded->project->mutable_feature_views(0)->clear_where();
  for (v1::Aggregate& each : *loaded->project->mutable_feature_views(0)->mutable_aggregates()) {
    each.clear_arguments();
  }
  v1::Project expected;
  ASSERT_TRUE(google::protobuf::TextFormat::ParseFromString(
      R"pb(name: "demo"
           sources {
             name: "transactions"
             topic: "card.transactions"
             format: JSON
             key: "user_id"
             schema { name: "user_id" type: STRING }
             schema { name: "amount" type: DOUBLE }
             schema { name: "event_time" type: TIMESTAMP time_encoding: MILLISECONDS }
             event_time: "event_time"
             known_time: EVENT_TIME
             max_future_us: 3600000000
           }
           entities {
             name: "user"
             keys { name: "user_id" type: STRING }
           }
           feature_views {
             name: "user_spend"
             version: 3
             source: "transactions"
             entity: "user"
             aggregates { function: "sum" type: DOUBLE sql: "sum(amount)" }
             aggregates { function: "count" type: INT64 sql: "count(*)" }
             features {
               name: "spend_1h"
               aggregate: 0
               type: DOUBLE
               default_value {}
               window { kind: SAWTOOTH size_us: 3600000000 hop_us: 300000000 }
             }
             features {
               name: "spend_tumbling_1d"
               aggregate: 0
               type: DOUBLE
               default_value {}
               window { kind: TUMBLING size_us: 86400000000 hop_us: 86400000000 }
             }
             features {
               name: "events_lifetime"
               aggregate: 1
               type: INT64
               default_value { int64_value: 0 }
               window { kind: LIFETIME }
             }
             max_age_us: 86400000000
           }
           feature_services {
             name: "fraud"
             features {
               view: "user_spend"
               version: 3
               feature: "events_lifetime"
               name: "user_spend.events_lifetime"
             }
             features {
               view: "user_spend"
               version: 3
               feature: "spend_1h"
               name: "user_spend.spend_1h"
             }
           }
           feature_services {
             name: "everything"
             features {
               view: "user_spend"
               version: 3
               feature: "spend_1h"
               name: "user_spend.spend_1h"
               of_all: true
             }
             features {
               view: "user_spend"
               version: 3
               feature: "spend_tumbling_1d"
               name: "user_spend.spend_tumbling_1d"
               of_all: true
             }
             features {
               view: "user_spend"
               version: 3
               feature: "events_lifetime"
               name: "user_spend.events_lifetime"
               of_all: true
             }
           })pb",
      &expected));
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(expected, *loaded->project)) << difference;
}

TEST(Project, DefaultsAreJsonKafkaTimeFiveMinutesVersionOneAndNoAgeLimit) {
  v1::Project project = LoadWith(
      "feature_views:\n"
      "  - {name: v, source: transactions, entity: user,\n"
      "     features: [{name: n, value: count(*), windows: [1h]}]}\n");
  const v1::Source& source = project.sources(0);
  EXPECT_EQ(source.format(), v1::Source::JSON);
  EXPECT_EQ(source.known_time(), v1::Source::KAFKA);
  EXPECT_EQ(source.max_future_us(), 300 * kMicrosPerSecond);
  EXPECT_EQ(project.feature_views(0).version(), 1);
  EXPECT_EQ(project.feature_views(0).max_age_us(), 0);
  EXPECT_FALSE(project.feature_views(0).has_where());
}

TEST(Project, ASourceHasNoArchiveUnlessDeclared) {
  auto load = [](const std::string& archive) {
    v1::Project project = LoadWith("sources:\n  - {name: clicks, topic: clicks, key: none, " +
                                   archive + "schema: {at: timestamp}, event_time: at}\n");
    for (const v1::Source& source : project.sources()) {
      if (source.name() == "clicks") return source.archive();
    }
    return false;
  };
  EXPECT_FALSE(load(""));
  EXPECT_FALSE(load("archive: off, "));
  EXPECT_TRUE(load("archive: on, "));
}

TEST(Project, OutputsAreOnAndUpdatesAreTheNewestInJsonUnlessDeclaredOtherwise) {
  auto load = [](const std::string& outputs) {
    v1::Project project =
        LoadWith("feature_views:\n  - {name: v, source: transactions, entity: user, " + outputs +
                 "features: [{name: n, value: count(*), windows: [1h]}]}\n");
    return project.feature_views_size() == 1 ? project.feature_views(0) : v1::FeatureView();
  };
  for (const char* outputs :
       {"", "history: on, updates: on, ",
        "updates: {every: commit, expiry: on, format: json, headers: deletes}, "}) {
    v1::FeatureView view = load(outputs);
    EXPECT_EQ(view.history(), v1::FeatureView::ON) << outputs;
    EXPECT_EQ(view.updates(), v1::FeatureView::ON) << outputs;
    EXPECT_EQ(view.update_format(), v1::FeatureView::UPDATE_JSON) << outputs;
    EXPECT_EQ(view.update_headers(), v1::FeatureView::HEADERS_DELETES) << outputs;
    EXPECT_EQ(view.update_every(), v1::FeatureView::UPDATE_EVERY_COMMIT) << outputs;
    EXPECT_EQ(view.update_expiry(), v1::FeatureView::ON) << outputs;
    EXPECT_EQ(view.emit_every_us(), 0) << outputs;
  }
  EXPECT_EQ(load("history: off, ").history(), v1::FeatureView::OFF);
  EXPECT_EQ(load("updates: off, ").updates(), v1::FeatureView::OFF);
  v1::FeatureView view = load("updates: {format: protobuf}, emit: {every: 1ms}, ");
  EXPECT_EQ(view.updates(), v1::FeatureView::ON);
  EXPECT_EQ(view.update_format(), v1::FeatureView::UPDATE_PROTOBUF);
  EXPECT_EQ(view.update_headers(), v1::FeatureView::HEADERS_DELETES);
  EXPECT_EQ(view.emit_every_us(), 1'000);
  EXPECT_EQ(load("updates: {headers: all}, ").update_headers(), v1::FeatureView::HEADERS_ALL);
  EXPECT_EQ(load("updates: {every: change}, ").update_every(),
            v1::FeatureView::UPDATE_EVERY_CHANGE);
  EXPECT_EQ(load("updates: {expiry: off}, ").update_expiry(), v1::FeatureView::OFF);
  EXPECT_EQ(load("emit: {every: 24h}, ").emit_every_us(), 86'400 * kMicrosPerSecond);
}

TEST(Project, FeaturesAreNamedAfterTheirWindowsAsWritten) {
  v1::FeatureView view = LoadFeatures(
      "      - name: x\n"
      "        value: sum(amount)\n"
      "        windows: [1h, 24h, 1d, {sawtooth: 2h}, {sawtooth: 1h, hop: 1m}, {tumbling: "
      "1h},\n"
      "                  lifetime]\n");
  EXPECT_THAT(FeatureNames(view),
              testing::ElementsAre("x_1h", "x_24h", "x_1d", "x_2h", "x_1h_hop_1m", "x_tumbling_1h",
                                   "x_lifetime"));
  EXPECT_EQ(view.aggregates_size(), 1);
}

TEST(Project, HopsDefaultByTheSizeOfTheWindow) {
  v1::FeatureView view = LoadFeatures(
      "      - {name: x, value: count(*), windows: [12d, 11d, 12h, 11h, 1h, 59m, "
      "10us]}\n");
  std::vector<std::string> hops;
  for (const v1::Feature& feature : view.features()) {
    hops.push_back(FormatDuration(feature.window().hop_us()));
  }
  EXPECT_THAT(hops, testing::ElementsAre("1d", "1h", "1h", "5m", "5m", "354s", "1us"));
}

TEST(Project, EqualAggregatesAreSharedHoweverTheyAreWritten) {
  v1::FeatureView view = LoadFeatures(
      "      - {name: a, value: sum(amount), windows: [1h, 1d]}\n"
      "      - {name: b, value: 'SUM( amount )', windows: [1h]}\n"
      "      - {name: c, value: sum(quantity), windows: [1h]}\n");
  ASSERT_EQ(view.aggregates_size(), 2);
  std::vector<uint32_t> indexes;
  for (const v1::Feature& feature : view.features()) indexes.push_back(feature.aggregate());
  EXPECT_THAT(indexes, testing::ElementsAre(0, 0, 0, 1));
}

TEST(Project, EmptyWindowsGiveZeroForCountsNullForOthersOrWhatIsDeclared) {
  v1::FeatureView view = LoadFeatures(
      "      - {name: a, value: count(*), windows: [1h]}\n"
      "      - {name: b, value: approx_count_distinct(country), windows: [1h]}\n"
      "      - {name: c, value: sum(amount), windows: [1h]}\n"
      "      - {name: d, value: count(*), windows: [1h], default: null}\n"
      "      - {name: e, value: sum(amount), windows: [1h], default: -1}\n"
      "      - {name: f, value: last(country), windows: [1h], default: '0'}\n"
      "      - {name: g, value: last(online), windows: [1h], default: false}\n"
      "      - {name: h, value: last(at), windows: [1h], default: "
      "1970-01-01T00:00:01Z}\n");
  std::vector<std::string> defaults;
  for (const v1::Feature& feature : view.features()) {
    defaults.push_back(feature.default_value().ShortDebugString());
  }
  EXPECT_THAT(defaults, testing::ElementsAre("int64_value: 0", "int64_value: 0", "", "",
                                             "double_value: -1", "string_value: \"0\"",
                                             "bool_value: false", "int64_value: 1000000"));
}

TEST(Project, AServiceSettlesTheVersionOfEachFeature) {
  v1::Project project = LoadWith(R"(
feature_views:
  - {name: v, version: 2, source: transactions, entity: user,
     features: [{name: new, value: count(*), windows: [1h]}]}
  - {name: v, version: 1, source: transactions, entity: user,
     features: [{name: old, value: count(*), windows: [1h]}]}
feature_services:
  - {name: s, features: ["v.*", v@1.old_1h]}
)");
  ASSERT_NE(FindService(project, "s"), nullptr);
  EXPECT_EQ(
      FindService(project, "s")->ShortDebugString(),
      "name: \"s\" "
      "features { view: \"v\" feature: \"new_1h\" version: 2 name: \"v.new_1h\" of_all: true } "
      "features { view: \"v\" feature: \"old_1h\" version: 1 name: \"v@1.old_1h\" "
      "pinned: true }");
  EXPECT_EQ(FindSource(project, "transactions")->topic(), "transactions");
  EXPECT_EQ(FindEntity(project, "nobody"), nullptr);
}

TEST(Project, EveryObjectMaySayWhatItIs) {
  ProjectFolder folder;
  folder.Write("features/base.yaml", R"(sources:
  - name: transactions
    topic: t
    key: [user_id]
    schema: {user_id: string, at: timestamp_ms}
    event_time: at
    owner: ann
entities:
  - {name: user, keys: {user_id: string}, tags: [person, gdpr]}
feature_views:
  - name: v
    source: transactions
    entity: user
    enabled: false
    deprecated: {since: 2026-03-01, use: w}
    features: [{name: n, value: count(*), windows: [1h], description: How often}]
feature_services:
  - {name: s, description: "Of checkout", features: [v.n_1h]}
)");
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  const v1::Project& project = *loaded->project;
  EXPECT_EQ(project.sources(0).about().ShortDebugString(), "owner: \"ann\"");
  EXPECT_EQ(project.entities(0).about().ShortDebugString(), "tags: \"person\" tags: \"gdpr\"");
  EXPECT_EQ(project.feature_views(0).about().ShortDebugString(),
            "deprecated { since: \"2026-03-01\" use: \"w\" }");
  EXPECT_TRUE(project.feature_views(0).disabled());
  EXPECT_EQ(project.feature_views(0).features(0).description(), "How often");
  EXPECT_EQ(FindService(project, "s")->about().description(), "Of checkout");
}

TEST(Project, FeaturesMayHaveAlertsAndServicesALog) {
  ProjectFolder folder;
  folder.Write("features/a.yaml", R"(feature_views:
  - name: v
    source: transactions
    entity: user
    features:
      - {name: n, value: count(*), windows: [1h, 2h], alerts: {null_rate: 0, psi: 1.5}}
      - {name: m, value: count(*), windows: [1h], alerts: {jensen_shannon: 0.1}}
feature_services:
  - {name: s, features: [v.n_1h], log: {sample: 0.01}}
  - {name: t, features: [v.n_1h], log: {sample: 1}}
)");
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  ASSERT_TRUE(loaded.ok()) << folder.Errors();
  const v1::FeatureView& view = loaded->project->feature_views(0);
  EXPECT_EQ(view.features(0).alerts().ShortDebugString(), "null_rate: 0 psi: 1.5");
  EXPECT_EQ(view.features(1).alerts().ShortDebugString(), "null_rate: 0 psi: 1.5");
  EXPECT_EQ(view.features(2).alerts().ShortDebugString(), "jensen_shannon: 0.1");
  EXPECT_EQ(FindService(*loaded->project, "s")->log().sample(), 0.01);
  EXPECT_EQ(FindService(*loaded->project, "t")->log().sample(), 1);
}

TEST(Project, DefinitionsComeByFileNameThenFromTopToBottom) {
  ProjectFolder folder;
  const std::string view =
      ", source: transactions, entity: user, features: [{name: n, value: count(*), "
      "windows: "
      "[1h]}]}\n";
  folder.Write("features/b.yaml", "feature_views:\n  - {name: third" + view);
  folder.Write("features/a.yml",
               "feature_views:\n  - {name: first" + view + "  - {name: second" + view);
  folder.Write("features/.#a.yaml", "an editor's lock file: [");
  folder.Write("features/notes.txt", "not a definition: [");
  absl::StatusOr<LoadedProject> loaded = folder.Load();
  ASSERT_TRUE(loaded.ok()) << loaded.status().message();
  std::vector<std::string> names;
  for (const v1::FeatureView& each : loaded->project->feature_views()) names.push_back(each.name());
  EXPECT_THAT(names, testing::ElementsAre("first", "second", "third"));
}

TEST(Project, AKeyIsColumnsOrNoneEvenWhereAColumnIsCalledThat) {
  auto key_of = [](const std::string& key) {
    v1::Project project = LoadWith("sources: [{name: s, topic: t, key: " + key +
                                   ", schema: {none: string, at: timestamp}, event_time: at}]\n");
    const auto& columns = project.sources(1).key();
    return std::vector<std::string>(columns.begin(), columns.end());
  };
  EXPECT_THAT(key_of("none"), testing::IsEmpty());
  EXPECT_THAT(key_of("[none]"), testing::ElementsAre("none"));
}

TEST(Project, KnownTimeIsKafkasTheEventTimeOrAColumn) {
  auto load = [](const std::string& known_time) {
    ProjectFolder folder;
    folder.Write("features/s.yaml",
                 "sources:\n  - {name: s, topic: t, key: [k], event_time: a, known_time: " +
                     known_time + ",\n     schema: {k: string, a: timestamp, b: timestamp_ns}}\n");
    absl::StatusOr<LoadedProject> loaded = folder.Load();
    return loaded.ok() ? *FindSource(*loaded->project, "s") : v1::Source();
  };
  EXPECT_EQ(load("kafka").known_time(), v1::Source::KAFKA);
  EXPECT_EQ(load("event_time").known_time(), v1::Source::EVENT_TIME);
  EXPECT_EQ(load("a").known_time(), v1::Source::EVENT_TIME);
  EXPECT_EQ(load("b").known_time(), v1::Source::COLUMN);
  EXPECT_EQ(load("b").known_time_column(), "b");
}

TEST(Project, AnchorsSaveRepetition) {
  v1::FeatureView view = LoadFeatures(
      "      - {name: a, value: sum(amount), windows: &w [1h, 1d]}\n"
      "      - {name: b, value: count(*), windows: *w}\n");
  EXPECT_THAT(FeatureNames(view), testing::ElementsAre("a_1h", "a_1d", "b_1h", "b_1d"));
}

TEST(Project, EveryExampleIsRight) {
  std::vector<std::filesystem::path> examples;
  for (const auto& entry : std::filesystem::directory_iterator(FOREBAY_SOURCE_DIR "/examples")) {
    if (std::filesystem::exists(entry.path() / "forebay.yaml")) examples.push_back(entry.path());
  }
  ASSERT_FALSE(examples.empty());
  for (const std::filesystem::path& example : examples) {
    std::vector<Diagnostic> diagnostics;
    absl::StatusOr<LoadedProject> loaded = LoadProject(example, &diagnostics);
    EXPECT_TRUE(loaded.ok()) << FormatDiagnostics(diagnostics);
  }
}

TEST(Project, TheFirstExampleOfTheDocumentationIsRight) {
  std::ifstream stream(FOREBAY_SOURCE_DIR "/docs/definitions.md");
  std::string page{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  size_t start = page.find("```yaml\n");
  ASSERT_NE(start, std::string::npos);
  start += std::string("```yaml\n").size();
  ProjectFolder folder;
  folder.Write("features/base.yaml", page.substr(start, page.find("```", start) - start));
  EXPECT_EQ(folder.Errors(), "");
}

TEST(Project, AFolderWithoutForebayYamlIsNoProject) {
  ProjectFolder folder;
  folder.Remove("forebay.yaml");
  std::vector<Diagnostic> diagnostics = {{"left over", 1, 1, ""}};
  absl::StatusOr<LoadedProject> loaded = LoadProject(folder.path(), &diagnostics);
  EXPECT_EQ(loaded.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(loaded.status().message()), testing::HasSubstr("holds no forebay.yaml"));
  EXPECT_TRUE(diagnostics.empty());
}

TEST(Project, AFolderWithoutDefinitionsSaysWhereTheyBelong) {
  ProjectFolder folder;
  folder.Remove("features/base.yaml");
  EXPECT_EQ(folder.Errors(),
            "features:1:1: there are no definitions: write some into a .yaml file in this "
            "folder\n");
  folder.Remove("features");
  EXPECT_EQ(folder.Errors(),
            "features:1:1: cannot read this folder, where definitions belong: No such file or "
            "directory\n");
}

TEST(Project, TheStatusHoldsAllThatTheDiagnosticsSay) {
  ProjectFolder folder;
  folder.Write("forebay.yaml", "projct: x\n");
  folder.Write("features/a.yaml", "sorces: []\n");
  std::vector<Diagnostic> diagnostics;
  absl::Status status = LoadProject(folder.path(), &diagnostics).status();
  EXPECT_EQ(diagnostics.size(), 3);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(status.message()), "3 errors in the project " + folder.path().string() +
                                               ":\n" + FormatDiagnostics(diagnostics));
}

}  // namespace
}  // namespace forebay
