// puffer_bins.h - finds neighbours: things sorted by the cell of a uniform grid that they are in.
//
// With cells as large as the range of sight, the neighbours of a thing are in its own cell and those around it. Sorting costs
// O(things + cells), so that with a bounded number of things to a cell a whole step is linear in their number.
#pragma once
#include <stdint.h>
#include <string.h>

// Counting sort. `bin_of[i]`, 0 to bins - 1, is the cell of thing i. Afterwards the things in cell b are
// items[starts[b]] to items[starts[b + 1] - 1], in ascending order; `starts` has room for bins + 1.
static inline void puf_sort_bins(int32_t count, const int32_t* bin_of, int32_t bins, int32_t* starts, int32_t* items)
{
    memset(starts, 0, ((size_t)bins + 1) * sizeof(int32_t));
    for (int32_t i = 0; i < count; i++) {
        starts[bin_of[i]] += 1;
    }
    int32_t end = 0;
    for (int32_t b = 0; b <= bins; b++) { // where each cell ends
        end += b < bins ? starts[b] : 0;
        starts[b] = end;
    }
    for (int32_t i = count - 1; i >= 0; i--) { // from behind, each end moves to where the cell begins
        starts[bin_of[i]] -= 1;
        items[starts[bin_of[i]]] = i;
    }
}
