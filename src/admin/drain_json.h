// Drain plans as JSON: what an operator asks for, and what is told of a plan (DESIGN section 10). Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "admin/source.h"
#include "base/error.h"
#include "config/config.h"
#include "migration/drain_view.h"

namespace drover::admin {

// What a body asks for.
struct DrainWish {
  migration::DrainTerms terms;
  bool dry_run = false;
};

// {"mode":"handoff","pace":"200/s","deadline":"60s","grace":"10s","dry_run":false}, any of it, or no body at all.
// `pool` says what holds where the body says nothing. Error, kBadRequest: what was wrong, and what is expected.
Result<DrainWish> read_drain_wish(std::string_view body, const config::Migration& pool);

// A plan as an object on one line, with a `note` where there is one.
std::string drain_text(const migration::DrainView& drain, std::string_view note = {});
// {"drains":[…],"frozen":false}
std::string drains_text(std::span<const migration::DrainView> drains, Source::Frozen frozen);

}  // namespace drover::admin
