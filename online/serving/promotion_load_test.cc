// Lookups of a model as fast as they go while promotions alternate: each answer is all of one
// version of the catalog.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "catalog/catalog_key.h"
#include "catalog/models.h"
#include "forebay/v1/catalog.pb.h"
#include "forebay/v1/definition.pb.h"
#include "online/serving/feature_reader.h"

namespace forebay {
namespace {

constexpr uint32_t kModels = 4;
constexpr size_t kPromotions = 400;
constexpr size_t kReaders = 3;

std::string FeatureOf(int number) { return fmt::format("f{}", number); }

// One view of kModels features.
v1::Project LoadedShop() {
  v1::Project project;
  project.set_name("shop");
  v1::Entity* user = project.add_entities();
  user->set_name("user");
  user->add_keys()->set_name("user_id");
  user->mutable_keys(0)->set_type(v1::STRING);
  v1::FeatureView* view = project.add_feature_views();
  view->set_name("spend");
  view->set_version(1);
  view->set_entity("user");
  for (uint32_t i = 1; i <= kModels; ++i) {
    v1::Feature* feature = view->add_features();
    feature->set_name(FeatureOf(static_cast<int>(i)));
    feature->set_type(v1::INT64);
  }
  return project;
}

std::vector<std::string> FeaturesOfModel(uint32_t version) {
  std::vector<std::string> names;
  for (uint32_t i = 1; i <= version; ++i)
    names.push_back("spend." + FeatureOf(static_cast<int>(i)));
  return names;
}

v1::CatalogChange Added(const v1::CatalogObject& object) {
  v1::CatalogChange change;
  change.set_key(KeyOf(object));
  *change.mutable_object() = object;
  return change;
}

// Model m takes version m of the service, which has the first m features.
CatalogLog::Changes ModelsOfShop(const v1::Project& project) {
  CatalogLog::Changes changes;
  v1::CatalogObject view;
  *view.mutable_view()->mutable_definition() = project.feature_views(0);
  view.mutable_view()->set_state(v1::ViewVersion::LIVE);
  changes.push_back(Added(view));
  for (uint32_t version = 1; version <= kModels; ++version) {
    v1::CatalogObject service, model;
    service.mutable_service()->set_version(version);
    v1::FeatureService* definition = service.mutable_service()->mutable_definition();
    definition->set_name("checkout");
    for (const std::string& name : FeaturesOfModel(version)) {
      v1::FeatureReference* reference = definition->add_features();
      reference->set_view("spend");
      reference->set_version(1);
      reference->set_feature(name.substr(name.find('.') + 1));
      reference->set_name(name);
    }
    changes.push_back(Added(service));
    model.mutable_model()->set_model("fraud");
    model.mutable_model()->set_version(version);
    model.mutable_model()->set_service("checkout");
    model.mutable_model()->set_service_version(version);
    model.mutable_model()->mutable_artifact()->set_uri(fmt::format("s3://models/{}", version));
    changes.push_back(Added(model));
  }
  return changes;
}

class PromotionLoadTest : public testing::Test {
 protected:
  PromotionLoadTest()
      : reader_(project_, [](int, std::string_view, std::optional<KnownTime>) {
          ViewRow row{.found = true};
          for (uint32_t i = 1; i <= kModels; ++i) row.values.emplace_back(int64_t{i});
          return row;
        }) {}

  // The next version of the catalog.
  void Commit(const CatalogLog::Changes& changes) {
    v1::CatalogCommit commit;
    commit.set_version(state_->version() + 1);
    commit.mutable_changes()->Assign(changes.begin(), changes.end());
    state_ = state_->With(commit).value();
  }

  // `champion_`, before the reader can answer with it.
  void Promote(uint32_t version) {
    const ModelReference champion{.model = "fraud", .version = 0, .alias = "champion"};
    Commit(PromoteModel(*state_, champion, version, std::nullopt).value());
    champion_[static_cast<size_t>(state_->version())] = version;
    reader_.SetCatalog(state_);
  }

  // What is mixed in an answer; empty: nothing.
  std::string Mixed(const ReadResult& result) const {
    const ReadPlan::Model& model = *result.model();
    std::vector<std::string> names;
    for (size_t i = 0; i < result.features().size(); ++i) {
      names.push_back(result.features()[i].name);
      if (*result.At(i, 0).value != Value(static_cast<int64_t>(i + 1)))
        return fmt::format("feature {} of version {} has another's value", i, model.version);
    }
    const auto catalog = static_cast<size_t>(model.catalog_version);
    if (champion_.at(catalog) != model.version || names != FeaturesOfModel(model.version) ||
        model.artifact != fmt::format("s3://models/{}", model.version)) {
      return fmt::format("catalog {} had version {}: version {}, {}, {} features", catalog,
                         champion_[catalog].load(), model.version, model.artifact, names.size());
    }
    return "";
  }

  // Until there was `enough`, or something was wrong.
  void Look(const std::atomic<bool>& enough, std::string* wrong) const {
    ReadRequest request{.model = "fraud@champion"};
    request.entities.push_back({{"user_id", Value(std::string("a"))}});
    int64_t newest = 0;
    while (!enough && wrong->empty()) {
      absl::StatusOr<ReadResult> result = reader_.Read(request);
      if (!result.ok()) {
        *wrong = result.status().ToString();
      } else if (const int64_t version = result->model()->catalog_version; version < newest) {
        *wrong = fmt::format("catalog {} after {}", version, newest);
      } else {
        newest = version;
        *wrong = Mixed(*result);
      }
      if (!wrong->empty()) failed_ = true;
      ++answered_;
    }
  }

  const v1::Project project_ = LoadedShop();
  std::shared_ptr<const CatalogState> state_ = std::make_shared<CatalogState>();
  std::array<std::atomic<uint32_t>, kPromotions + 2> champion_ = {};  // by catalog version
  mutable std::atomic<int64_t> answered_ = 0;
  mutable std::atomic<bool> failed_ = false;
  FeatureReader reader_;
};

TEST_F(PromotionLoadTest, EveryAnswerIsOfOneVersionOfTheCatalog) {
  Commit(ModelsOfShop(project_));
  Promote(1);
  std::atomic<bool> enough = false;
  std::array<std::string, kReaders> wrong;
  std::vector<std::thread> threads;
  const absl::Time start = absl::Now();
  for (size_t i = 0; i < kReaders; ++i) threads.emplace_back([&, i] { Look(enough, &wrong[i]); });
  for (size_t i = 1; i < kPromotions; ++i) {
    Promote(static_cast<uint32_t>(1 + i % kModels));
    // Some answers of each.
    const int64_t until = answered_ + 2 * static_cast<int64_t>(kReaders);
    while (answered_ < until && !failed_) std::this_thread::yield();
  }
  enough = true;
  for (std::thread& thread : threads) thread.join();
  for (const std::string& found : wrong) EXPECT_EQ(found, "");
  fmt::print("{} lookups and {} promotions, {:.0f} and {:.0f} a second\n", answered_.load(),
             kPromotions,
             static_cast<double>(answered_) / absl::ToDoubleSeconds(absl::Now() - start),
             static_cast<double>(kPromotions) / absl::ToDoubleSeconds(absl::Now() - start));
}

}  // namespace
}  // namespace forebay
