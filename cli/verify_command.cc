// forebay verify [VIEW]...: proof that state, update topic and table of each view say the same of
// each key.
#include <arrow/api.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "cli/command.h"
#include "cli/kafka_config.h"
#include "cli/row_printer.h"
#include "cli/sync_check.h"
#include "cli/worker_lookups.h"
#include "connectors/object_store/object_store.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "online/serving/file_limit.h"
#include "schemas/definition/feature_names.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"

namespace forebay {
namespace {

struct VerifyArguments {
  std::string folder = ".";
  std::vector<std::string> views;
  bool lookups = false;
  int port = 0;
  size_t shown = 10;
  RowFormat format = RowFormat::kTable;
};

// Rows of text and int64 columns, told by the values.
class CellRows {
 public:
  using Cell = std::variant<std::string, int64_t>;

  explicit CellRows(std::vector<std::string> names) : names_(std::move(names)) {}

  void Add(std::vector<Cell> cells) { rows_.push_back(std::move(cells)); }

  void Print(RowFormat format) const {
    if (rows_.empty()) return;
    RowPrinter printer(format);
    printer.Print(*AsBatch());
    printer.Finish();
  }

 private:
  std::shared_ptr<arrow::RecordBatch> AsBatch() const {
    arrow::FieldVector fields;
    arrow::ArrayVector columns;
    for (size_t c = 0; c < names_.size(); ++c) {
      const bool text = std::holds_alternative<std::string>(rows_[0][c]);
      arrow::StringBuilder texts;
      arrow::Int64Builder numbers;
      for (const std::vector<Cell>& row : rows_) {
        if (text) {
          (void)texts.Append(std::get<std::string>(row[c]));
        } else {
          (void)numbers.Append(std::get<int64_t>(row[c]));
        }
      }
      columns.push_back((text ? texts.Finish() : numbers.Finish()).ValueOrDie());
      fields.push_back(arrow::field(names_[c], columns.back()->type()));
    }
    return arrow::RecordBatch::Make(arrow::schema(std::move(fields)),
                                    static_cast<int64_t>(rows_.size()), std::move(columns));
  }

  std::vector<std::string> names_;
  std::vector<std::vector<Cell>> rows_;
};

std::string PlacesText(const ComparedPlaces& places) {
  std::vector<std::string> names;
  if (places.online) names.emplace_back("online");
  if (places.updates) names.emplace_back("updates");
  if (places.table) names.emplace_back("table");
  return absl::StrJoin(names, " = ");
}

void PrintFindings(const std::vector<SyncFinding>& findings, RowFormat format) {
  CellRows tasks({"view", "task", "compared", "position", "keys", "equal", "differing", "moving",
                  "looked_up", "note"});
  CellRows keys({"view", "task", "key", "column", "online", "updates", "table", "why"});
  for (const SyncFinding& finding : findings) {
    const TaskCheck& check = finding.check;
    const std::string view = finding.view.ToString(), task = finding.task.ToString();
    tasks.Add({view, task, PlacesText(check.places), check.position.value(), check.counts.keys(),
               check.counts.equal, check.counts.differing, check.counts.moving,
               check.counts.looked_up, check.note});
    for (const KeyDifference& difference : check.differences) {
      keys.Add({view, task, difference.key, difference.column, difference.online,
                difference.updates, difference.table, difference.why});
    }
  }
  tasks.Print(format);
  keys.Print(format);
}

// FAILED_PRECONDITION: something differs, or nothing was compared.
absl::Status Verdict(const std::vector<SyncFinding>& findings) {
  KeyCounts counts;
  std::set<ViewId> views, differing;
  for (const SyncFinding& finding : findings) {
    counts += finding.check.counts;
    if (finding.check.places.count() < 2) continue;
    views.insert(finding.view);
    if (finding.check.counts.differing > 0) differing.insert(finding.view);
  }
  if (views.empty()) {
    return absl::FailedPreconditionError(
        "nothing was compared: a view needs a worker that has run, and two of state, updates and "
        "history");
  }
  if (counts.differing > 0) {
    return absl::FailedPreconditionError(fmt::format(
        "{} of {} differ: docs/verify.md says what to do", Counted(counts.differing, "key", "keys"),
        Counted(static_cast<int64_t>(differing.size()), "view", "views")));
  }
  fmt::print(stderr, "in sync: {} of {}{}\n", Counted(counts.equal, "key", "keys"),
             Counted(static_cast<int64_t>(views.size()), "view", "views"),
             counts.moving == 0 ? ""
                                : fmt::format(", and {} that moved on meanwhile",
                                              Counted(counts.moving, "key", "keys")));
  return absl::OkStatus();
}

absl::StatusOr<std::set<int>> ChooseViews(const v1::Project& project,
                                          const std::vector<std::string>& names) {
  std::set<int> views;
  for (const std::string& name : names) {
    absl::StatusOr<int> view = FeatureNames(project).FindView(name);
    if (!view.ok()) return absl::InvalidArgumentError(view.status().message());
    views.insert(*view);
  }
  for (int i = 0; names.empty() && i < project.feature_views_size(); ++i) views.insert(i);
  return views;
}

absl::Status Verify(const VerifyArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(std::set<int> views, ChooseViews(*loaded.project, arguments.views));
  ASSIGN_OR_RETURN(KafkaConfig kafka, MakeKafkaConfig(loaded.config));
  setpriority(PRIO_PROCESS, 0, 10);  // whoever serves on this machine goes first
  RaiseFileLimit();                  // the states of all tasks are open at a time
  SyncCheckRequest request{.loaded = loaded,
                           .kafka = kafka,
                           .warehouse = OpenObjectStore(loaded.config.warehouse, loaded.config.s3),
                           .views = std::move(views),
                           .shown = arguments.shown};
  if (arguments.lookups) {
    const int64_t port = arguments.port != 0 ? arguments.port : loaded.config.serving_http_port;
    request.look_up = LookupsAt(*loaded.project,
                                fmt::format("http://{}:{}", loaded.config.serving_address, port));
  }
  ASSIGN_OR_RETURN(std::vector<SyncFinding> findings, CheckSync(request));
  PrintFindings(findings, arguments.format);
  return Verdict(findings);
}

}  // namespace

void AddVerifyCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<VerifyArguments>();
  CLI::App* command = app->add_subcommand(
      "verify", "Compare what state, update topic and table of views say of each key");
  command->add_option("views", arguments->views,
                      "Feature views (view, view@version); default: all");
  CLI::Option* lookups = command->add_flag("--lookups", arguments->lookups,
                                           "Also look each key up at the worker on this machine");
  command
      ->add_option("--port", arguments->port,
                   "The worker's HTTP port; default: that of forebay.yaml")
      ->needs(lookups);
  command->add_option("--show", arguments->shown, "How many differences of each task are shown")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  AddFormatOption(command, {RowFormat::kTable, RowFormat::kJson, RowFormat::kCsv},
                  &arguments->format);
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(Verify(*arguments)); });
}

}  // namespace forebay
