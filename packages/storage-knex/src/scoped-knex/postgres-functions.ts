function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}

/** Words that may stand before a parenthesis and call nothing. */
const SYNTAX = words(`
  all and any array as asc between by case cast coalesce cube desc distinct else end escape except exists filter greatest
  group grouping having ilike in is isnull least like limit not notnull nullif offset on or order over partition rollup
  row rows sets similar some then to using values when where within
  bit char character decimal float interval numeric time timestamp timestamptz timetz varbit varchar varying`)

/** Functions of Postgres whose result depends on their arguments, the clock or chance, and which change nothing. */
const PURE = words(`
  abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees div exp floor gcd lcm ln log log10 mod pi power radians random
  round scale sign sin sqrt tan trim_scale trunc width_bucket
  ascii bit_length btrim char_length character_length chr concat concat_ws decode encode format initcap left length lower
  lpad ltrim md5 normalize octet_length overlay position quote_literal regexp_count regexp_instr regexp_like regexp_match
  regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad
  rtrim sha224 sha256 sha384 sha512 split_part starts_with string_to_array string_to_table strpos substr substring to_hex
  translate trim upper
  age clock_timestamp current_date current_time current_timestamp date date_bin date_part date_trunc isfinite justify_days
  justify_hours justify_interval localtime localtimestamp make_date make_interval make_time make_timestamp make_timestamptz
  now statement_timestamp timezone to_char to_date to_number to_timestamp transaction_timestamp
  gen_random_uuid num_nonnulls num_nulls
  array_agg avg bit_and bit_or bool_and bool_or corr count covar_pop covar_samp every json_agg json_object_agg jsonb_agg
  jsonb_object_agg max min mode percentile_cont percentile_disc stddev stddev_pop stddev_samp string_agg sum var_pop
  var_samp variance
  cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank rank row_number
  json_array_length json_build_array json_build_object json_typeof jsonb_array_elements jsonb_array_elements_text
  jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text jsonb_extract_path
  jsonb_extract_path_text jsonb_insert jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
  jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_strip_nulls jsonb_typeof row_to_json to_json
  to_jsonb
  array_append array_cat array_dims array_length array_lower array_ndims array_position array_positions array_prepend
  array_remove array_replace array_to_string array_upper cardinality generate_series generate_subscripts unnest
  daterange int4range int8range isempty lower_inc numrange range_merge tsrange tstzrange upper_inc
  numnode phraseto_tsquery plainto_tsquery querytree setweight to_tsquery to_tsvector ts_headline ts_rank ts_rank_cd
  websearch_to_tsquery`)

/** What may stand before a parenthesis in raw SQL on Postgres, without being declared. */
export const CALLABLE: ReadonlySet<string> = new Set([...SYNTAX, ...PURE])
