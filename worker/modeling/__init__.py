"""Networks: architectures, heads, stems, groups, freezing and weights."""
