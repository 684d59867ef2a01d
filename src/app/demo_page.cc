// Styles and script stand in the page; what people write there only ever becomes text.
#include "app/demo_page.h"

#include <string>

namespace drover::app {

namespace {

// 'self' is not the WebSocket's scheme to every browser yet.
constexpr const char* kPolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

std::shared_ptr<const http::Page> demo_page() {
  return std::make_shared<http::Page>(http::Page{.html = std::string(demo_page_html()), .policy = kPolicy});
}

}  // namespace drover::app
