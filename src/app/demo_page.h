// The page that --demo shows: demo_page.html, as it stands in the tree.
#pragma once

#include <memory>
#include <string_view>

#include "http/answer.h"

namespace drover::app {

std::string_view demo_page_html();  // from the file that CMake makes of it

// With the policy that keeps the page to itself: nothing is loaded, and it connects to nobody but whom it came from.
std::shared_ptr<const http::Page> demo_page();

}  // namespace drover::app
