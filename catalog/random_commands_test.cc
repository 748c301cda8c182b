// Random commands of two who may have seen an older catalog, in races, over a store that loses
// answers, refuses and tears writes: the catalog is what a simple model says, whoever is beaten is
// told why, and what a version was it stays. FOREBAY_CATALOG_RUNS=N: so many runs (default 4).
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "catalog/catalog_key.h"
#include "catalog/catalog_log.h"
#include "catalog/expected_catalog_for_test.h"
#include "catalog/models.h"
#include "catalog/project_plan.h"
#include "connectors/object_store/testing/memory_store.h"
#include "schemas/definition/project_folder_for_test.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

class StandingClock final : public Clock {
 public:
  KnownTime Now() const override { return KnownTime(1'700'000'000'000'000); }
};

// What somebody does, told twice.
struct RandomCommand {
  std::string name;
  CatalogLog::Decide decide;
  std::function<absl::Status(ExpectedCatalog*)> expect;
};

class RandomCommands {
 public:
  explicit RandomCommands(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_() % n; }

  // Of one who has seen `seen`.
  RandomCommand Next(const ExpectedCatalog& seen) {
    switch (Below(8)) {
      case 0:
      case 1:
      case 2:
        return Apply();
      case 3:
        return Register(static_cast<uint32_t>(Below(4)));
      case 4:
      case 5:
        return Promote(Alias(), static_cast<uint32_t>(1 + Below(5)), seen);
      case 6:
        return RollBack(Alias(), seen);
      default:
        return Reset(static_cast<uint32_t>(1 + Below(3)));
    }
  }

 private:
  std::string Alias() { return Below(3) == 0 ? "challenger" : "champion"; }

  ExpectedDefinitions Definitions() {
    static const char* const kValues[] = {"sum(amount)", "mean(amount)"};
    ExpectedDefinitions definitions;
    for (uint32_t version = 1; version <= 3; ++version) {
      if (Below(4) == 0) continue;
      // Mostly as it was said before.
      definitions.views[version] = {kValues[(version + (Below(12) == 0 ? 1 : 0)) % 2],
                                    Below(8) != 0};
    }
    if (definitions.views.empty() || Below(5) == 0) return definitions;
    for (const char* feature : {"spend_1h", "spend_1d"}) {
      if (Below(3) == 0) continue;
      uint32_t version = static_cast<uint32_t>(Below(4));
      if (!definitions.views.contains(version)) version = 0;
      definitions.service.push_back({version, feature});
    }
    return definitions;
  }

  RandomCommand Apply() {
    const ExpectedDefinitions definitions = Definitions();
    const bool repin = Below(4) == 0;
    folder_.Write("features/views.yaml", definitions.Text());
    auto loaded = folder_.Load();
    EXPECT_TRUE(loaded.ok()) << folder_.Errors() << definitions.Text();
    auto decide = [project = *loaded->project,
                   repin](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
      ProjectPlan plan = PlanProject(project, now, {.repin = repin});
      if (plan.IsRefused()) {
        plan.refusals.insert(plan.refusals.end(), plan.held.begin(), plan.held.end());
        return absl::FailedPreconditionError(fmt::format("{}", fmt::join(plan.refusals, "\n")));
      }
      CatalogLog::Changes changes = plan.ToCommit();
      for (v1::CatalogChange& change : changes) {  // brought up at once
        if (change.object().view().state() == v1::ViewVersion::BUILDING)
          change.mutable_object()->mutable_view()->set_state(v1::ViewVersion::LIVE);
      }
      return changes;
    };
    return {fmt::format("apply{}\n{}", repin ? " --repin" : "", definitions.Text()), decide,
            [=](ExpectedCatalog* catalog) { return catalog->Apply(definitions, repin); }};
  }

  static RandomCommand Register(uint32_t service_version) {
    v1::ModelVersion model;
    model.set_model("fraud_model");
    model.set_service("fraud");
    model.set_service_version(service_version);
    return {fmt::format("register of fraud@{}", service_version),
            [=](const CatalogState& now) { return RegisterModel(now, model); },
            [=](ExpectedCatalog* catalog) { return catalog->Register(service_version); }};
  }

  // What its alias must stand for: what it was seen to, or anything.
  std::optional<uint32_t> Expected(const std::string& alias, const ExpectedCatalog& seen) {
    if (Below(3) == 0) return std::nullopt;
    return seen.VersionOf(alias);
  }

  RandomCommand Promote(const std::string& alias, uint32_t version, const ExpectedCatalog& seen) {
    const ModelReference reference{.model = "fraud_model", .version = 0, .alias = alias};
    const std::optional<uint32_t> expected = Expected(alias, seen);
    return {
        fmt::format("promote {} {}", alias, version),
        [=](const CatalogState& now) { return PromoteModel(now, reference, version, expected); },
        [=](ExpectedCatalog* catalog) { return catalog->Promote(alias, version, expected); }};
  }

  RandomCommand RollBack(const std::string& alias, const ExpectedCatalog& seen) {
    const ModelReference reference{.model = "fraud_model", .version = 0, .alias = alias};
    const std::optional<uint32_t> expected = Expected(alias, seen);
    return {fmt::format("roll back {}", alias),
            [=](const CatalogState& now) { return RollBackModel(now, reference, expected); },
            [=](ExpectedCatalog* catalog) { return catalog->RollBack(alias, expected); }};
  }

  static RandomCommand Reset(uint32_t view) {
    const std::string key = ViewKey({"user_spend", view});
    return {fmt::format("reset {}", key),
            [=](const CatalogState& now) -> absl::StatusOr<CatalogLog::Changes> {
              CatalogLog::Changes changes;
              const v1::CatalogObject* object = now.Find(key);
              if (object != nullptr && object->view().state() == v1::ViewVersion::RETIRED)
                changes.emplace_back().set_key(key);
              return changes;
            },
            [=](ExpectedCatalog* catalog) { return catalog->Reset(view); }};
  }

  std::mt19937_64 random_;
  ProjectFolder folder_;
};

class RandomRun {
 public:
  explicit RandomRun(uint64_t seed) : commands_(seed), history_(1), held_{Open().Load().value()} {}

  void Step() {
    const size_t actor = commands_.Below(2);
    if (commands_.Below(2) == 0) known_[actor] = Open().Refresh(Known(actor)).value();
    const RandomCommand command = commands_.Next(history_[At(Known(actor))]);
    SCOPED_TRACE(command.name);
    Do(actor, command, /*in_the_way=*/commands_.Below(4) == 0);
    Check();
  }

  // What each version was, read from its commits.
  void CheckHistory() {
    auto state = std::make_shared<const CatalogState>();
    for (size_t version = 1; version < history_.size(); ++version) {
      auto commit = Open().ReadCommit(static_cast<int64_t>(version));
      ASSERT_TRUE(commit.ok()) << commit.status();
      state = state->With(*commit).value();
      ASSERT_EQ(ExpectedCatalog::TextOf(*state), history_[version].Text()) << version;
    }
    for (const CatalogLog::State& held : held_)
      ASSERT_EQ(ExpectedCatalog::TextOf(*held), history_[At(held)].Text()) << held->version();
  }

  size_t versions() const { return history_.size() - 1; }
  int beaten() const { return beaten_; }
  int faults() const { return faults_; }

 private:
  CatalogLog Open() const { return CatalogLog(store_, "shop", {.by = "ann"}, &clock_); }
  static size_t At(const CatalogLog::State& state) { return static_cast<size_t>(state->version()); }
  CatalogLog::State Known(size_t actor) const {
    return known_[actor] == nullptr ? held_.front() : known_[actor];
  }

  WriteFault Fault() {
    static const WriteFault kFaults[] = {WriteFault::kNotDone, WriteFault::kAnswerLost,
                                         WriteFault::kTorn};
    return commands_.Below(4) == 0 ? kFaults[commands_.Below(3)] : WriteFault::kNone;
  }

  // `in_the_way`: while it is decided, the other one does something.
  void Do(size_t actor, const RandomCommand& command, bool in_the_way) {
    const WriteFault fault = Fault();
    const std::string broken[] = {"", ".checkpoint.json", "_last_checkpoint"};
    const size_t part = commands_.Below(3);  // 0: the commit itself
    const size_t torn_at = commands_.Below(200);
    const ExpectedCatalog seen = history_[At(Known(actor))];
    const size_t seen_version = At(Known(actor));
    std::string path;
    bool first = true;
    auto decide = [&](const CatalogState& now) {
      if (std::exchange(first, false) && in_the_way) {
        const RandomCommand other = commands_.Next(history_[At(Known(1 - actor))]);
        SCOPED_TRACE("meanwhile: " + other.name);
        Do(1 - actor, other, false);
      }
      path = fmt::format("{:020}.json", now.version() + 1);
      store_->FailNextWrite(fault, part == 0 ? path : broken[part], torn_at);
      return command.decide(now);
    };
    auto after = Open().CommitAfter(Known(actor), decide);
    store_->FailNextWrite(WriteFault::kNone);
    // Decided on what was seen; and again on the newest, where that is another.
    ExpectedCatalog expected = seen;
    absl::Status status = command.expect(&expected);
    bool commits = status.ok() && expected.Text() != seen.Text();
    if (commits && seen_version != versions()) {
      expected = history_.back();
      status = command.expect(&expected);
      commits = status.ok() && IsChange(expected);
      beaten_ += !status.ok();
    }
    if (!commits) return ExpectSame(after.status(), status);
    if (part != 0 || fault == WriteFault::kNone) {
      ASSERT_TRUE(after.ok()) << after.status();
      known_[actor] = *after;
      history_.push_back(expected);
      held_.push_back(*after);
      return;
    }
    ++faults_;
    EXPECT_TRUE(absl::IsUnavailable(after.status())) << after.status();
    if (fault == WriteFault::kAnswerLost) history_.push_back(expected);
    if (fault == WriteFault::kTorn) ExpectDamage(path);
  }

  bool IsChange(const ExpectedCatalog& next) const { return next.Text() != history_.back().Text(); }

  static void ExpectSame(const absl::Status& status, const absl::Status& expected) {
    ASSERT_EQ(status.code(), expected.code()) << status << ", not " << expected;
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(expected.message())));
  }

  // Nobody reads a commit that is torn, or writes after it; then somebody takes it away.
  void ExpectDamage(const std::string& path) {
    const absl::Status read = Open().Load().status();
    EXPECT_TRUE(absl::IsDataLoss(read)) << read;
    EXPECT_THAT(std::string(read.message()), HasSubstr(path));
    auto anything = [](const CatalogState&) -> absl::StatusOr<CatalogLog::Changes> {
      CatalogLog::Changes changes(1);
      changes[0].set_key("view/none@1");
      return changes;
    };
    EXPECT_TRUE(absl::IsDataLoss(Open().CommitAfter(held_.back(), anything).status()));
    ASSERT_TRUE(store_->Delete(fmt::format("{}/{}", CatalogFolder("shop"), path)).ok());
  }

  void Check() {
    auto newest = Open().Load();
    ASSERT_TRUE(newest.ok()) << newest.status();
    ASSERT_EQ(At(*newest), versions());
    ASSERT_EQ(ExpectedCatalog::TextOf(**newest), history_.back().Text());
    auto followed = Open().Refresh(Known(commands_.Below(2)));
    ASSERT_TRUE(followed.ok()) << followed.status();
    ASSERT_EQ((*followed)->ToCheckpoint().SerializeAsString(),
              (*newest)->ToCheckpoint().SerializeAsString());
    held_.push_back(*newest);
  }

  RandomCommands commands_;
  StandingClock clock_;
  std::shared_ptr<MemoryStore> store_ = std::make_shared<MemoryStore>();
  std::vector<ExpectedCatalog> history_;  // by version
  std::vector<CatalogLog::State> held_;   // by readers, all the time
  CatalogLog::State known_[2];
  int beaten_ = 0;
  int faults_ = 0;
};

TEST(RandomCommandsTest, TheCatalogIsWhatAModelOfItSays) {
  const char* asked = std::getenv("FOREBAY_CATALOG_RUNS");
  const uint64_t runs = asked == nullptr ? 4 : std::strtoull(asked, nullptr, 10);
  size_t versions = 0;
  int beaten = 0, faults = 0;
  for (uint64_t seed = 1; seed <= runs; ++seed) {
    SCOPED_TRACE(fmt::format("run {}", seed));
    RandomRun run(seed);
    for (int step = 0; step < 150; ++step) {
      run.Step();
      ASSERT_FALSE(HasFailure()) << "step " << step;
    }
    run.CheckHistory();
    ASSERT_FALSE(HasFailure());
    versions += run.versions();
    beaten += run.beaten();
    faults += run.faults();
  }
  EXPECT_GT(versions, 32 * runs) << "past a checkpoint";
  EXPECT_GT(beaten, 0);
  EXPECT_GT(faults, 0);
}

}  // namespace
}  // namespace forebay
