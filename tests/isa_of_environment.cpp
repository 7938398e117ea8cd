// TILEBIT_ISA names the level in force, where the machine has it; anything else is ignored.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <tilebit/core/isa.hpp>

namespace tb = tilebit;

int main() {
  const char* const wish = std::getenv("TILEBIT_ISA");
  const auto levels = tb::supported_isas();
  const auto named = std::ranges::find_if(
      levels, [&](tb::isa level) { return wish != nullptr && tb::to_string(level) == wish; });
  const tb::isa expected = named == levels.end() ? levels.front() : *named;
  const tb::isa active = tb::active_isa();
  std::printf("TILEBIT_ISA=%s: %s\n", wish == nullptr ? "" : wish, tb::to_string(active).data());
  if (named == levels.end()) std::printf("skipped: this machine has no such level\n");
  return active == expected ? 0 : 1;
}
