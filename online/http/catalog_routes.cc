// The table of the pages under /v1/catalog.
#include "online/http/catalog_pages.h"

namespace forebay {
namespace {

using In = RouteParameter::In;
using Form = RouteParameter::Form;

constexpr int64_t kMostInPage = 1000;

const std::vector<std::string_view> kKinds = {"source", "entity", "view",        "service",
                                              "model",  "alias",  "training_set"};

RouteParameter InPath(std::string_view name, std::string_view what,
                      std::vector<std::string_view> one_of = {}) {
  return {
      .name = name, .what = what, .in = In::kPath, .required = true, .one_of = std::move(one_of)};
}

RouteParameter Limit() {
  return {.name = "limit",
          .what = "How many at most.",
          .form = Form::kNumber,
          .range = {.least = 1, .most = kMostInPage, .otherwise = 100}};
}

RouteParameter PageToken(Form form) {
  return {.name = "page_token",
          .what = "Where to go on: next_page_token of the answer before.",
          .form = form};
}

RouteDescription CatalogPage(std::string_view path, std::string_view name, std::string_view what,
                             std::string_view answer, std::vector<RouteParameter> parameters) {
  return {.method = "GET",
          .path = path,
          .name = name,
          .what = what,
          .runs_on = RunsOn::kPageThread,
          .parameters = std::move(parameters),
          .answer = answer,
          .errors = {400, 404, 503}};
}

const RouteParameter kKindFilter = {
    .name = "kind", .what = "Objects of this kind alone.", .one_of = kKinds};
const RouteParameter kOwnerFilter = {.name = "owner", .what = "Of this owner alone."};
const RouteParameter kTagFilter = {.name = "tag", .what = "With this tag alone."};
const RouteParameter kStateFilter = {.name = "state",
                                     .what = "In this state alone.",
                                     .one_of = {"building", "live", "disabled", "retired"}};
const RouteParameter kWords = {.name = "q",
                               .what = "Words, with spaces between; typing errors are forgiven.",
                               .required = true};
const RouteParameter kLineageName = {
    .name = "name",
    .what = "A name with or without a version, or a key such as view/user_spend@1.",
    .required = true};
const RouteParameter kDirection = {
    .name = "direction",
    .what = "up: what it is made of; down: what is made of it; both, unless said otherwise.",
    .one_of = {"up", "down", "both"}};
const RouteParameter kFeature = {.name = "feature", .what = "Of this feature alone."};
const RouteParameter kFrom = {
    .name = "from",
    .what = "The first day; unless said otherwise, six days before the newest that has statistics.",
    .form = Form::kDate};
const RouteParameter kTo = {
    .name = "to", .what = "The last day; unless said otherwise, the newest.", .form = Form::kDate};
const RouteParameter kBefore = {.name = "before",
                                .what = "A version, or an alias.",
                                .required = true,
                                .form = Form::kModelVersion};
const RouteParameter kAfter = {
    .name = "after", .what = "Likewise.", .required = true, .form = Form::kModelVersion};

}  // namespace

const std::vector<CatalogPages::Route>& CatalogPages::Routes() {
  static const auto& routes = *new std::vector<Route>{
      {CatalogPage(
           "/v1/catalog/status", "get_catalog_status",
           "Which version of the catalog this worker works with, and how far its tasks are.",
           "CatalogStatus", {}),
       &CatalogPages::Status},
      {CatalogPage(
           "/v1/catalog/objects", "list_objects", "What the catalog has, by key.", "ObjectList",
           {kKindFilter, kOwnerFilter, kTagFilter, kStateFilter, Limit(), PageToken(Form::kText)}),
       &CatalogPages::List},
      {CatalogPage("/v1/catalog/objects/{kind}/{name}", "get_object",
                   "An object in all its versions, or, with name@version, in one.", "Objects",
                   {InPath("kind", "Its kind.", kKinds),
                    InPath("name", "Its name, with or without a version.")}),
       &CatalogPages::Objects},
      {CatalogPage(
           "/v1/catalog/search", "search_catalog",
           "Objects with all of some words in their names, features, columns, tags, owners and "
           "descriptions, the best first.",
           "SearchHits", {kWords, Limit(), PageToken(Form::kDigits)}),
       &CatalogPages::Search},
      {CatalogPage("/v1/catalog/lineage", "get_lineage",
                   "What an object is made of, and what is made of it, at whatever distance.",
                   "Lineage", {kLineageName, kDirection}),
       &CatalogPages::ShowLineage},
      {CatalogPage("/v1/catalog/commits", "list_commits", "Who changed what, the newest first.",
                   "Commits", {Limit(), PageToken(Form::kDigits)}),
       &CatalogPages::Commits},
      {CatalogPage("/v1/catalog/statistics/{view}", "get_statistics",
                   "How the values of a view's features were distributed, over some days.",
                   "Statistics",
                   {InPath("view", "With a version, or in its newest one."), kFeature, kFrom, kTo}),
       &CatalogPages::Statistics},
      {CatalogPage("/v1/catalog/models", "list_models", "All models, by name.", "ModelList",
                   {Limit(), PageToken(Form::kText)}),
       &CatalogPages::Models},
      {CatalogPage("/v1/catalog/models/{model}", "get_model",
                   "A model: its versions and its aliases.", "Model",
                   {InPath("model", "Its name.")}),
       &CatalogPages::Model},
      {CatalogPage("/v1/catalog/models/{model}/diff", "diff_model",
                   "What differs between two versions of a model.", "ModelDiff",
                   {InPath("model", "Its name."), kBefore, kAfter}),
       &CatalogPages::ModelDiff},
      {CatalogPage("/v1/catalog/training-sets", "list_training_sets", "All training sets, by key.",
                   "ObjectList", {Limit(), PageToken(Form::kText)}),
       &CatalogPages::TrainingSets},
      {CatalogPage("/v1/catalog/training-sets/{name}", "get_training_set",
                   "A training set in all its versions, or, with name@version, in one.", "Objects",
                   {InPath("name", "Its name, with or without a version.")}),
       &CatalogPages::TrainingSet},
  };
  return routes;
}

}  // namespace forebay
