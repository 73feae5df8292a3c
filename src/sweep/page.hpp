// The fixed parts of report.html.
#pragma once

namespace nibble::sweep::page {

extern const char* const kHead;    // up to the title
extern const char* const kStyle;   // CSS, light and dark
extern const char* const kBody;    // controls, empty chart and table
extern const char* const kScales;  // JavaScript: numbers, scales, fronts
extern const char* const kChart;   // JavaScript: chart and hover
extern const char* const kScript;  // JavaScript: table, controls, start

}  // namespace nibble::sweep::page
