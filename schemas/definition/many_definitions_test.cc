// The work of reading definitions grows with their number, not with its square. Counted, and not
// timed: in this program `new` counts its calls.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/project_folder_for_test.h"

namespace {
std::atomic<uint64_t> allocations{0};
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace forebay {
namespace {

// A view of `count` features that differ in all, and a service of them one by one.
void WriteFeatures(ProjectFolder& folder, int count) {
  std::string view =
      "feature_views:\n  - name: v\n    source: transactions\n    entity: user\n"
      "    features:\n";
  std::string service = "feature_services:\n  - name: s\n    features:\n";
  for (int i = 0; i < count; ++i) {
    view += fmt::format(
        "      - {{name: f{0}, value: sum(amount) filter (where amount > {0}), windows: [1h]}}\n",
        i);
    service += fmt::format("      - v.f{}_1h\n", i);
  }
  folder.Write("features/a.yaml", view + service);
}

uint64_t AllocationsOfLoading(int count) {
  ProjectFolder folder;
  WriteFeatures(folder, count);
  uint64_t before = allocations;
  auto loaded = folder.Load();
  EXPECT_TRUE(loaded.ok()) << loaded.status();
  FeatureNames names(*loaded->project);
  auto found = names.Find(loaded->project->feature_services(0));
  EXPECT_TRUE(found.ok() && found->size() == static_cast<size_t>(count)) << found.status();
  return allocations - before;
}

TEST(ManyDefinitions, TakeWorkThatGrowsWithTheirNumber) {
  uint64_t few = AllocationsOfLoading(500);
  uint64_t many = AllocationsOfLoading(2000);
  EXPECT_LT(many, 5 * few);  // of four times as many
}

}  // namespace
}  // namespace forebay
