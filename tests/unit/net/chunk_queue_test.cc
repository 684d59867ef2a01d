// The queue against a plain string: same bytes, same order, and spans that stay while bytes are appended.
#include "net/chunk_queue.h"

#include <doctest/doctest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace drover::net {

namespace {

std::string front_text(const ChunkQueue& queue) {
  std::array<Bytes, 4> room;
  std::string text;
  for (const Bytes piece : queue.front(room)) text += as_text(piece);
  return text;
}

std::string pattern(std::mt19937& random, std::size_t size) {
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

}  // namespace

TEST_CASE("an empty queue has nothing") {
  ChunkPool pool;
  ChunkQueue queue(pool);
  CHECK(queue.size() == 0);
  CHECK(front_text(queue).empty());
  queue.append({});
  queue.consume(0);
  CHECK(front_text(queue).empty());
}

TEST_CASE("random appends and consumes agree with a string") {
  std::mt19937 random(3);
  ChunkPool pool;
  ChunkQueue queue(pool);
  std::string model;
  for (int step = 0; step < 3000; ++step) {
    if (random() % 2 == 0) {
      const auto text = pattern(random, random() % (random() % 8 == 0 ? 100'000 : 2000));
      queue.append(as_bytes(text));
      model += text;
    } else {
      const auto visible = front_text(queue);
      const std::size_t size = visible.empty() ? 0 : random() % (visible.size() + 1);
      queue.consume(size);
      model.erase(0, size);
    }
    REQUIRE(queue.size() == model.size());
    const auto visible = front_text(queue);
    REQUIRE(visible == std::string_view(model).substr(0, visible.size()));
    REQUIRE((visible.empty() == model.empty()));
  }
}

TEST_CASE("sizes around a chunk") {
  for (const std::size_t size :
       {Chunk::kCapacity - 1, Chunk::kCapacity, Chunk::kCapacity + 1, 4 * Chunk::kCapacity, 4 * Chunk::kCapacity + 1}) {
    std::mt19937 random(5);
    ChunkPool pool;
    ChunkQueue queue(pool);
    const auto text = pattern(random, size);
    queue.append(as_bytes(text));
    const auto visible = front_text(queue);
    CHECK(visible == text.substr(0, 4 * Chunk::kCapacity));
    queue.consume(visible.size());
    CHECK(front_text(queue) == text.substr(visible.size()));
    queue.append(as_bytes("more"));
    CHECK(front_text(queue) == text.substr(visible.size()) + "more");
  }
}

TEST_CASE("spans stay where they are while bytes are appended") {
  ChunkPool pool;
  ChunkQueue queue(pool);
  queue.append(as_bytes("first"));
  std::array<Bytes, 4> room;
  const auto pieces = queue.front(room);
  REQUIRE(pieces.size() == 1);
  const std::string_view view = as_text(pieces[0]);
  for (int i = 0; i < 100; ++i) queue.append(as_bytes(std::string(1000, 'x')));
  CHECK(view == "first");
  queue.consume(view.size());
  CHECK(front_text(queue).starts_with("xxx"));
}

TEST_CASE("chunks go back to the pool and come again") {
  ChunkPool pool;
  auto* first = pool.take();
  first->begin = 3;
  first->end = 7;
  pool.give(first);
  auto* again = pool.take();
  CHECK(again == first);
  CHECK(again->begin == 0);
  CHECK(again->end == 0);
  CHECK(again->next == nullptr);
  pool.give(again);
  std::vector<Chunk*> many;
  for (int i = 0; i < 200; ++i) many.push_back(pool.take());
  for (auto* chunk : many) pool.give(chunk);  // what is over the pool's measure is freed: see the leak checker
}

TEST_CASE("a queue that dies full leaks nothing") {
  ChunkPool pool;
  ChunkQueue queue(pool);
  queue.append(as_bytes(std::string(100'000, 'x')));
}

}  // namespace drover::net
