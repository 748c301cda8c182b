// forebay drift NAME --against MANIFEST: how far features have moved from a training set.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/day_range.h"
#include "cli/project_catalog.h"
#include "cli/registered_set.h"
#include "cli/rounded_number.h"
#include "cli/row_printer.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/definition.pb.h"
#include "offline/statistics/drift.h"
#include "offline/statistics/drift_alerts.h"
#include "offline/statistics/table_statistics.h"
#include "offline/training_set/baseline.h"
#include "offline/training_set/feature_list.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct DriftArguments {
  std::string folder = ".";
  std::string name;
  std::string manifest;
  DayArguments days;
  bool json = false;
  std::optional<double> fail_above;
};

struct FeatureDrift {
  FeatureName feature;
  Drift drift;
  std::vector<std::string> alerts;  // what is beyond the limits of the definition
};

// "user_spend@1.spend_1h".
std::string Shown(const FeatureName& name) {
  return fmt::format("{}.{}", name.view.ToString(), name.feature);
}

class DriftBatch {
 public:
  explicit DriftBatch(bool rounds) : rounds_(rounds) {
    arrow::FieldVector fields = {arrow::field("feature", arrow::utf8())};
    for (const char* name : {"psi", "jensen_shannon", "baseline_null_rate", "null_rate",
                             "null_rate_change", "mean_shift"})
      fields.push_back(arrow::field(name, arrow::float64()));
    for (const char* name : {"baseline_rows", "rows"})
      fields.push_back(arrow::field(name, arrow::int64()));
    fields.push_back(arrow::field("alerts", arrow::utf8()));
    builder_ = arrow::RecordBatchBuilder::Make(arrow::schema(fields), arrow::default_memory_pool())
                   .ValueOrDie();
  }

  void Add(const FeatureDrift& of) {
    const Drift& drift = of.drift;
    (void)builder_->GetFieldAs<arrow::StringBuilder>(0)->Append(Shown(of.feature));
    int column = 1;
    for (std::optional<double> number :
         {drift.psi, drift.jensen_shannon, std::optional(drift.baseline_null_rate),
          std::optional(drift.null_rate), std::optional(drift.null_rate - drift.baseline_null_rate),
          drift.mean_shift}) {
      if (number && rounds_) number = RoundedNumber(*number);
      (void)builder_->GetFieldAs<arrow::DoubleBuilder>(column++)->AppendOrNull(number);
    }
    for (int64_t rows : {drift.baseline_rows, drift.rows})
      (void)builder_->GetFieldAs<arrow::Int64Builder>(column++)->Append(rows);
    auto* alerts = builder_->GetFieldAs<arrow::StringBuilder>(column);
    (void)(of.alerts.empty() ? alerts->AppendNull()
                             : alerts->Append(fmt::format("{}", fmt::join(of.alerts, "; "))));
  }

  std::shared_ptr<arrow::RecordBatch> Finish() { return builder_->Flush().ValueOrDie(); }

 private:
  bool rounds_;
  std::unique_ptr<arrow::RecordBatchBuilder> builder_;
};

// Those asked for that the set has; says which of several it lacks.
absl::StatusOr<std::vector<FeatureBaseline>> ChooseBaselines(const LoadedProject& loaded,
                                                             const DriftArguments& arguments) {
  const v1::Project& project = *loaded.project;
  ASSIGN_OR_RETURN(const std::vector<NamedFeature> named,
                   ResolveFeatures(project, {arguments.name}));
  ASSIGN_OR_RETURN(const std::string text, ReadManifestText(loaded, arguments.manifest));
  ASSIGN_OR_RETURN(std::vector<FeatureBaseline> of_set, ParseBaseline(text, arguments.manifest));
  std::vector<FeatureBaseline> chosen;
  std::vector<std::string> missing;
  for (const NamedFeature& feature : named) {
    const v1::FeatureView& view = project.feature_views(feature.view);
    const FeatureName name{{view.name(), view.version()}, view.features(feature.feature).name()};
    const auto found = std::ranges::find_if(of_set, [&](const FeatureBaseline& baseline) {
      return FeatureName{baseline.view, baseline.feature} == name;
    });
    if (found == of_set.end()) {
      missing.push_back(Shown(name));
    } else {
      chosen.push_back(*found);
    }
  }
  if (chosen.empty()) {
    std::vector<std::string> there;
    for (const FeatureBaseline& baseline : of_set)
      there.push_back(Shown({baseline.view, baseline.feature}));
    return absl::InvalidArgumentError(fmt::format("the set of {} has no {}; it has: {}",
                                                  arguments.manifest, fmt::join(missing, ", "),
                                                  fmt::join(there, ", ")));
  }
  if (!missing.empty()) fmt::print(stderr, "note: not in the set: {}\n", fmt::join(missing, ", "));
  return chosen;
}

absl::Status NoStatistics(const DriftArguments& arguments,
                          const std::vector<std::string>& features) {
  std::string days;
  if (!arguments.days.from.empty()) days += " --from " + arguments.days.from;
  if (!arguments.days.to.empty()) days += " --to " + arguments.days.to;
  return absl::FailedPreconditionError(fmt::format(
      "there are no statistics of {} for these days: `forebay statistics{}` makes them, where the "
      "offline table has such days",
      fmt::join(features, ", "), days));
}

absl::StatusOr<StatisticsOfDays> ReadDays(const LoadedProject& loaded,
                                          const DriftArguments& arguments,
                                          const std::vector<FeatureBaseline>& baselines) {
  ASSIGN_OR_RETURN(const TimeRange range, ParseDays(arguments.days));
  std::vector<FeatureName> features;
  std::vector<std::string> names;
  for (const FeatureBaseline& baseline : baselines) {
    features.push_back({baseline.view, baseline.feature});
    names.push_back(Shown(features.back()));
  }
  absl::StatusOr<StatisticsOfDays> days =
      ReadStatistics(OpenObjectStore(loaded.config.warehouse, loaded.config.s3), features, range);
  if (absl::IsNotFound(days.status())) return NoStatistics(arguments, names);
  RETURN_IF_ERROR(days.status());
  std::vector<std::string> without;
  for (size_t i = 0; i < features.size(); ++i) {
    auto found = days->features.find(features[i]);
    if (found == days->features.end()) {
      without.push_back(names[i]);
    } else if (found->second.statistics.type() != baselines[i].statistics.type()) {
      return absl::FailedPreconditionError(
          fmt::format("{} is {} in the statistics and {} in the set: they cannot be compared",
                      names[i], DataTypeName(found->second.statistics.type()),
                      DataTypeName(baselines[i].statistics.type())));
    }
  }
  if (!without.empty()) return NoStatistics(arguments, without);
  return days;
}

// What is beyond the limits that the project has for the feature.
std::vector<std::string> AlertsOf(const v1::Project& project, const FeatureName& name,
                                  const Drift& drift) {
  std::vector<std::string> alerts;
  const auto view = std::ranges::find_if(project.feature_views(), [&](const auto& one) {
    return one.name() == name.view.name && one.version() == name.view.version;
  });
  const v1::Feature* feature =
      view == project.feature_views().end() ? nullptr : FindFeature(*view, name.feature);
  if (feature == nullptr) return alerts;
  for (const DriftAlert& alert : CheckAlerts(feature->alerts(), drift)) {
    if (alert.is_beyond) alerts.push_back(alert.ToString());
  }
  return alerts;
}

// Whether it has moved further than is allowed. A feature that has values on one side alone has.
bool IsAbove(const Drift& drift, double allowed) {
  return drift.one_sided || (drift.psi && *drift.psi > allowed);
}

// The largest first; those without one by their names.
void SortByIndex(std::vector<FeatureDrift>* drifts) {
  std::ranges::stable_sort(*drifts, [](const FeatureDrift& a, const FeatureDrift& b) {
    return a.drift.one_sided != b.drift.one_sided
               ? a.drift.one_sided
               : a.drift.psi.value_or(-1) > b.drift.psi.value_or(-1);
  });
}

// FAILED_PRECONDITION: some have moved too far.
absl::Status Judge(const std::vector<FeatureDrift>& drifts, std::optional<double> fail_above) {
  std::vector<std::string> found;
  const int64_t alerts = std::ranges::count_if(
      drifts, [](const FeatureDrift& drift) { return !drift.alerts.empty(); });
  if (alerts > 0) {
    found.push_back(fmt::format("{} moved beyond its `alerts`",
                                Counted(alerts, "feature has", "features have")));
  }
  const int64_t above = std::ranges::count_if(drifts, [&](const FeatureDrift& drift) {
    return fail_above && IsAbove(drift.drift, *fail_above);
  });
  if (above > 0) {
    found.push_back(fmt::format("{} moved by a PSI above {}, or lost or gained all values",
                                Counted(above, "feature has", "features have"), *fail_above));
  }
  if (found.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(fmt::format("{}", fmt::join(found, "; ")));
}

absl::Status PrintDrift(const DriftArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  RETURN_IF_ERROR(TakeServicesOfCatalog(&loaded));
  ASSIGN_OR_RETURN(const std::vector<FeatureBaseline> baselines,
                   ChooseBaselines(loaded, arguments));
  ASSIGN_OR_RETURN(const StatisticsOfDays days, ReadDays(loaded, arguments, baselines));
  std::vector<FeatureDrift> drifts;
  for (const FeatureBaseline& baseline : baselines) {
    const FeatureName name{baseline.view, baseline.feature};
    const Drift drift = MeasureDrift(baseline.statistics, days.features.at(name).statistics);
    drifts.push_back({name, drift, AlertsOf(*loaded.project, name, drift)});
  }
  SortByIndex(&drifts);
  DriftBatch batch(!arguments.json);
  for (const FeatureDrift& drift : drifts) batch.Add(drift);
  RowPrinter printer(arguments.json ? RowFormat::kJson : RowFormat::kTable);
  printer.Print(*batch.Finish());
  printer.Finish();
  fmt::print(stderr, "{} to {}, against {}\n", FormatDate(days.first_day),
             FormatDate(days.last_day), arguments.manifest);
  return Judge(drifts, arguments.fail_above);
}

}  // namespace

void AddDriftCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<DriftArguments>();
  CLI::App* command = app->add_subcommand(
      "drift", "Compare the values of features on some days with those of a training set");
  command->add_option("name", arguments->name, "A feature service, a view or a feature")
      ->required();
  command
      ->add_option(
          "--against", arguments->manifest,
          "The training set: its manifest (set.parquet.manifest.json), or what it is registered "
          "as (fraud_2026@3)")
      ->option_text("MANIFEST")
      ->required();
  AddDayOptions(command, "six days before the last", &arguments->days);
  command->add_flag("--json", arguments->json, "An object a line");
  command
      ->add_option("--fail-above", arguments->fail_above,
                   "End with exit code 1 if a PSI is above this; 0.2 is customary")
      ->option_text("PSI");
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([=] { *exit_code = Report(PrintDrift(*arguments)); });
}

}  // namespace forebay
