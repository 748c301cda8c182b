// forebay history VIEW KEY...: the steps of one key, from the view's offline table and, beside the
// worker, from its change logs.
#include <arrow/api.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cli/command.h"
#include "cli/entity_key.h"
#include "cli/read_cost.h"
#include "cli/row_printer.h"
#include "cli/table_version_option.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "forebay/v1/definition.pb.h"
#include "offline/history/key_history.h"
#include "offline/history/unflushed_rows.h"
#include "offline/sink/table_flush.h"
#include "online/store/state_folder.h"
#include "schemas/definition/feature_names.h"
#include "schemas/definition/lookup.h"
#include "schemas/types/counted.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

struct HistoryArguments {
  std::string folder = ".";
  std::string name;
  std::vector<std::string> keys;
  std::string from;
  std::string to;
  RowFormat format = RowFormat::kTable;
  bool reads = false;
  std::shared_ptr<TableVersionOption> version;
};

// What is asked for.
struct Question {
  ViewId view;
  const v1::Entity* entity = nullptr;
  std::string key;       // as EncodeKey makes it
  std::string key_text;  // for messages
  TimeRange times;
  std::shared_ptr<arrow::Schema> columns;
};

absl::StatusOr<TimeRange> TimesOf(const HistoryArguments& arguments) {
  TimeRange times;
  if (!arguments.from.empty()) {
    ASSIGN_OR_RETURN(times.from, ParseTimeOption("--from", arguments.from));
  }
  if (!arguments.to.empty()) {
    ASSIGN_OR_RETURN(times.to, ParseTimeOption("--to", arguments.to));
  }
  if (times.from < times.to) return times;
  return absl::InvalidArgumentError(
      fmt::format("--from {} is not before --to {}", arguments.from, arguments.to));
}

// Times and op of a step, then the features asked for.
std::shared_ptr<arrow::Schema> ColumnsOf(const v1::FeatureView& view, const v1::Entity& entity,
                                         const std::vector<NamedFeature>& features) {
  auto all = ChangeSchema(view, entity);
  arrow::FieldVector fields;
  for (const char* name : {"_effective_time", "_event_time", "_op"})
    fields.push_back(all->GetFieldByName(name));
  for (const NamedFeature& feature : features)
    fields.push_back(all->field(entity.keys_size() + feature.feature));
  return arrow::schema(std::move(fields));
}

absl::StatusOr<Question> Ask(const v1::Project& project, const HistoryArguments& arguments) {
  ASSIGN_OR_RETURN(std::vector<NamedFeature> features, ResolveAnyName(project, arguments.name));
  const v1::FeatureView& view = project.feature_views(features[0].view);
  for (const NamedFeature& feature : features) {
    if (feature.view == features[0].view) continue;
    return absl::InvalidArgumentError(
        fmt::format("'{}' has features of several views: name one view", arguments.name));
  }
  Question question{.view = {view.name(), view.version()}};
  if (view.history() == v1::FeatureView::OFF) {
    return absl::InvalidArgumentError(
        fmt::format("feature view {} has `history: off`: nothing of it is kept offline",
                    question.view.ToString()));
  }
  question.entity = FindEntity(project, view.entity());
  ASSIGN_OR_RETURN(std::vector<Value> parts, ParseEntityKey(*question.entity, arguments.keys));
  question.key = EncodeKey(*question.entity, parts);
  question.key_text = fmt::format("{}", fmt::join(arguments.keys, " "));
  ASSIGN_OR_RETURN(question.times, TimesOf(arguments));
  question.columns = ColumnsOf(view, *question.entity, features);
  return question;
}

// Of the state folder, where there is one of the project; nullopt: there is none.
absl::StatusOr<std::optional<LoggedRows>> ReadLogs(const LoadedProject& loaded,
                                                   const Question& question) {
  const std::filesystem::path& state = loaded.config.state;
  absl::StatusOr<StateIdentity> identity = ReadStateIdentity(state);
  if (absl::IsNotFound(identity.status())) return std::nullopt;
  RETURN_IF_ERROR(identity.status());
  if (identity->project != loaded.project->name()) return std::nullopt;
  ASSIGN_OR_RETURN(std::vector<TaskId> tasks, ListTasks(state));
  ASSIGN_OR_RETURN(LoggedRows rows, ReadLoggedRows({.state_folder = state.string(),
                                                    .tasks = std::move(tasks),
                                                    .view = question.view,
                                                    .entity = question.entity,
                                                    .key = question.key,
                                                    .times = question.times}));
  return rows;
}

std::string CompleteUpTo(const Snapshot& table) {
  std::optional<int64_t> before = CompleteBefore(table);
  return before ? fmt::format(", complete up to {}", FormatTime(*before)) : "";
}

class HistoryAnswer {
 public:
  HistoryAnswer(const Question& question, const HistoryArguments& arguments)
      : question_(question), printer_(arguments.format), reads_shown_(arguments.reads) {}

  absl::Status PrintTable(const std::shared_ptr<ObjectStore>& store, const std::string& path,
                          const Snapshot& snapshot, const ReadCost& cost) {
    KeyHistoryRequest request{.store = store,
                              .table = path,
                              .snapshot = &snapshot,
                              .entity = question_.entity,
                              .key = question_.key,
                              .times = question_.times,
                              .columns = question_.columns,
                              .cost = cost};
    const absl::Time start = absl::Now();
    RETURN_IF_ERROR(ReadKeyHistory(
        request,
        [this](const std::shared_ptr<arrow::RecordBatch>& rows) {
          printer_.Print(*rows);
          return absl::OkStatus();
        },
        &reads_));
    time_ = absl::Now() - start;
    return absl::OkStatus();
  }

  void PrintLogged(const arrow::RecordBatch& rows) {
    logged_ = rows.num_rows();
    printer_.Print(rows);
  }

  // `source`: what was read.
  void Finish(const std::string& source) {
    printer_.Finish();
    std::string steps =
        printer_.rows() == 0 ? "no steps" : Counted(printer_.rows(), "step", "steps");
    if (logged_ > 0) steps += fmt::format(", {} of them in change logs alone", logged_);
    fmt::print(stderr, "{} of {}: {}; {}\n", question_.view.ToString(), question_.key_text, steps,
               source);
    if (!reads_shown_) return;
    fmt::print(stderr, "{} opened, {} skipped; {}, {}, {}, {} bytes; {:.1f} ms\n",
               Counted(reads_.files, "data file", "data files"), reads_.files_skipped,
               Counted(reads_.row_groups, "row group", "row groups"),
               Counted(reads_.pages, "page", "pages"),
               Counted(reads_.requests, "request", "requests"), reads_.bytes,
               absl::ToDoubleMilliseconds(time_));
  }

 private:
  const Question& question_;
  RowPrinter printer_;
  bool reads_shown_;
  int64_t logged_ = 0;
  HistoryReads reads_;
  absl::Duration time_;  // that reading and printing took
};

absl::Status History(const HistoryArguments& arguments) {
  ASSIGN_OR_RETURN(LoadedProject loaded, LoadOrExplain(arguments.folder));
  ASSIGN_OR_RETURN(Question question, Ask(*loaded.project, arguments));
  ASSIGN_OR_RETURN(TableVersion version, arguments.version->Parse());
  std::shared_ptr<ObjectStore> store = OpenObjectStore(loaded.config.warehouse, loaded.config.s3);
  std::optional<LoggedRows> logged;  // read before the table: what is flushed meanwhile is in both
  if (version.IsNewest()) {
    ASSIGN_OR_RETURN(logged, ReadLogs(loaded, question));
  }
  const std::string path = OfflineTablePath(question.view);
  absl::StatusOr<Snapshot> table = LoadSnapshotAt(*store, path, version);
  const bool has_table = table.ok();
  if (!has_table && (!absl::IsNotFound(table.status()) || !version.IsNewest() || !logged))
    return table.status();

  HistoryAnswer answer(question, arguments);
  if (has_table) RETURN_IF_ERROR(answer.PrintTable(store, path, *table, CostOf(loaded.config)));
  if (logged) {
    ASSIGN_OR_RETURN(auto rows, RowsNotIn(has_table ? *table : Snapshot(), loaded.project->name(),
                                          question.view, *logged, question.columns));
    if (rows != nullptr) answer.PrintLogged(*rows);
  }
  answer.Finish(has_table
                    ? fmt::format("table version {} of {}{}", table->version,
                                  FormatTime(table->timestamp_ms * 1000), CompleteUpTo(*table))
                    : "there is no table yet");
  return absl::OkStatus();
}

}  // namespace

void AddHistoryCommand(CLI::App* app, int* exit_code) {
  auto arguments = std::make_shared<HistoryArguments>();
  CLI::App* command =
      app->add_subcommand("history", "Print the steps of one key of a view, as its table has them");
  command
      ->add_option("name", arguments->name,
                   "A feature view (view, view@version), or a feature of it (view.feature)")
      ->required();
  command->add_option("key", arguments->keys, "Key values, in declared order, or column=value")
      ->required();
  command->add_option("--from", arguments->from,
                      "Steps from this effective time on, RFC 3339 or microseconds");
  command->add_option("--to", arguments->to, "Steps before this effective time");
  arguments->version = AddTableVersionOption(command);
  AddFormatOption(command, {RowFormat::kTable, RowFormat::kJson, RowFormat::kCsv},
                  &arguments->format);
  command->add_flag("--reads", arguments->reads, "Say what was read for it, on stderr");
  command->add_option("-p,--project", arguments->folder, "The project's folder")
      ->capture_default_str();
  command->callback([arguments, exit_code] { *exit_code = Report(History(*arguments)); });
}

}  // namespace forebay
