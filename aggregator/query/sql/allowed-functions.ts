/**
 * The functions that a SELECT may call: what reads its arguments and nothing else, in memory that the arguments bound.
 *
 * Left out on purpose: whatever reads files, settings, the catalog or the clock of the process (`read_*`, `glob`,
 * `getvariable`, `current_setting`, `duckdb_*`), whatever runs SQL (`query`, `json_execute_serialized_sql`), writes
 * (`write_log`), waits (`sleep_ms`), and whatever makes much out of little, because the memory limit does not bind it
 * (`repeat`, `lpad`, `rpad`, `range`, `generate_series`, `list_resize`, `printf`, `format`, `bar`).
 */
const NAMES = `
  count count_star count_if countif sum sum_no_overflow fsum kahan_sum sumkahan avg mean favg min max min_by max_by arg_min arg_max
  argmin argmax any_value arbitrary first last median mode quantile quantile_cont quantile_disc approx_quantile
  approx_count_distinct approx_top_k stddev stddev_pop stddev_samp variance var_pop var_samp sem skewness kurtosis entropy
  corr covar_pop covar_samp mad product geomean geometric_mean bool_and bool_or bit_and bit_or bit_xor histogram string_agg
  group_concat listagg list array_agg wavg weighted_avg regr_slope regr_intercept regr_r2 regr_count

  row_number rank dense_rank rank_dense percent_rank cume_dist ntile lag lead first_value last_value nth_value

  + - * / // % ** ^ & | ~ << >> ! || @ !__postfix
  abs add subtract multiply divide mod fmod fdiv ceil ceiling floor round round_even trunc even sign sqrt cbrt exp ln log log2
  log10 pow power greatest least isnan isinf isfinite pi degrees radians sin cos tan asin acos atan atan2 gcd lcm xor
  bit_count hash random

  ~~ !~~ ~~* !~~* ~~~ ^@ like_escape ilike_escape not_like_escape not_ilike_escape
  lower upper lcase ucase length len char_length character_length strlen concat concat_ws contains starts_with ends_with
  prefix suffix instr strpos position left right substr substring trim ltrim rtrim replace reverse split split_part
  string_split str_split string_to_array regexp_matches regexp_full_match regexp_extract regexp_extract_all regexp_replace
  regexp_escape regexp_split_to_array string_split_regex ascii chr ord md5 sha256 hex to_hex bin to_binary to_base
  format_bytes formatreadablesize formatreadabledecimalsize levenshtein damerau_levenshtein jaccard hamming
  jaro_similarity translate

  now current_date get_current_timestamp get_current_time today current_localtimestamp current_localtime
  transaction_timestamp date_trunc datetrunc date_part datepart date_diff datediff date_sub datesub date_add time_bucket
  timezone age ago epoch epoch_ms epoch_us epoch_ns make_timestamp make_timestamptz make_timestamp_ms make_date make_time
  to_timestamp strftime strptime try_strptime last_day year quarter month week weekofyear yearweek day dayofmonth dayofweek
  dayofyear weekday isodow isoyear hour minute second millisecond microsecond dayname monthname era decade century
  to_years to_months to_weeks to_days to_hours to_minutes to_seconds to_milliseconds to_microseconds days_in_month

  coalesce ifnull nullif if switch typeof error constant_or_null

  list_value list_pack array_value list_contains array_contains list_has array_has list_has_any list_has_all list_position
  list_indexof list_extract array_extract list_element element_at list_slice array_slice list_sort array_sort
  list_reverse_sort list_distinct array_distinct list_unique array_unique list_transform list_apply apply list_filter filter list_reduce
  reduce list_aggregate list_aggr aggregate list_sum list_avg list_min list_max list_count list_concat list_cat list_append
  list_prepend list_any_value list_first list_last array_length array_to_string cardinality flatten list_intersect list_zip
  unnest struct_pack struct_extract struct_extract_at row map map_keys map_values map_entries map_extract map_extract_value
  map_contains map_from_entries
`;

export const ALLOWED_FUNCTIONS: ReadonlySet<string> = new Set(NAMES.split(/\s+/).filter((name) => name !== ''));

/** Macros that Weir defines in each worker. */
export const WEIR_FUNCTIONS: ReadonlySet<string> = new Set(['cidr_contains', 'is_ipv6', 'protocol_name']);
