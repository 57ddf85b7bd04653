/**
 * Names known to the classifier when they stand before a parenthesis. Everything else there is a function that a user
 * wrote or loaded, and may change the session unseen.
 */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Functions built into MySQL 5.7 to 9 or MariaDB 10.5 to 11: they change nothing of the session that we do not name. */
export const BUILT_IN_FUNCTIONS: readonly string[] = words(`
abs acos add_months addtime aes_decrypt aes_encrypt any_value area asbinary asin astext aswkb aswkt atan atan2
benchmark bin bin_to_uuid binlog_gtid_pos bit_count bit_length boundary buffer can_access_column can_access_database
can_access_event can_access_resource_group can_access_routine can_access_table can_access_trigger can_access_user
can_access_view ceil ceiling centroid char_length character_length chr coercibility column_check column_delete
column_exists column_json column_list compress concat concat_operator_oracle concat_ws connection_id contains conv
convert_cpu_id_mask convert_interval_to_user_interval convert_tz convexhull cos cot crc32 crc32c crosses date_format
datediff dayname dayofmonth dayofweek dayofyear decode decode_histogram decode_oracle degrees des_decrypt des_encrypt
dimension disjoint distance elt encode encrypt endpoint envelope equals etag exp export_set exteriorring extractvalue
field find_in_set floor format_bytes format_pico_time found_rows from_base64 from_days from_unixtime from_vector
geomcollfromtext geomcollfromwkb geometrycollectionfromtext geometrycollectionfromwkb geometryfromtext geometryfromwkb
geometryn geometrytype geomfromtext geomfromwkb get_dd_column_extra get_dd_column_privileges get_dd_create_options
get_dd_index_private_data get_dd_index_sub_part_length get_dd_property_key_value get_dd_schema_options
get_dd_tablespace_private_data get_lock get_ssl_version glength greatest gtid_subset gtid_subtract hex icu_version
ifnull inet6_aton inet6_ntoa inet_aton inet_ntoa instr interiorringn internal_auto_increment internal_avg_row_length
internal_check_time internal_checksum internal_data_free internal_data_length internal_dd_char_length
internal_get_comment_or_error internal_get_dd_column_extra internal_get_hostname internal_get_mandatory_roles_json
internal_get_partition_nodegroup internal_get_username internal_get_view_warning_or_error
internal_index_column_cardinality internal_index_length internal_is_enabled_role internal_is_mandatory_role
internal_keys_disabled internal_max_data_length internal_table_rows internal_tablespace_autoextend_size
internal_tablespace_data_free internal_tablespace_extent_size internal_tablespace_extra
internal_tablespace_free_extents internal_tablespace_id internal_tablespace_initial_size
internal_tablespace_logfile_group_name internal_tablespace_logfile_group_number internal_tablespace_maximum_size
internal_tablespace_row_format internal_tablespace_status internal_tablespace_total_extents internal_tablespace_type
internal_tablespace_version internal_update_time intersects is_free_lock is_ipv4 is_ipv4_compat is_ipv4_mapped is_ipv6
is_used_lock is_uuid is_visible_dd_object isclosed isempty isnull isring issimple json_array json_array_append
json_array_insert json_array_intersect json_compact json_contains json_contains_path json_depth json_detailed
json_duality_object json_equals json_exists json_extract json_insert json_key_value json_keys json_length json_loose
json_merge json_merge_patch json_merge_preserve json_normalize json_object json_object_filter_keys
json_object_to_array json_overlaps json_pretty json_query json_quote json_remove json_replace json_schema_valid
json_schema_validation_report json_search json_set json_storage_free json_storage_size json_type json_unescape
json_unquote json_valid kdf last_day last_insert_id lcase least length lengthb like_range_max like_range_min
linefromtext linefromwkb linestringfromtext linestringfromwkb ln load_file locate log log10 log2 lower lpad
lpad_oracle ltrim ltrim_oracle make_set makedate maketime master_gtid_wait master_pos_wait mbrcontains mbrcoveredby
mbrcovers mbrdisjoint mbrequal mbrequals mbrintersects mbroverlaps mbrtouches mbrwithin md5 mlinefromtext mlinefromwkb
monthname months_between mpointfromtext mpointfromwkb mpolyfromtext mpolyfromwkb multilinestringfromtext
multilinestringfromwkb multipointfromtext multipointfromwkb multipolygonfromtext multipolygonfromwkb
mysql_query_attribute_string name_const natural_sort_key nullif numgeometries numinteriorrings numpoints nvl nvl2 oct
octet_length ord overlaps period_add period_diff pi pointfromtext pointfromwkb pointn pointonsurface polyfromtext
polyfromwkb polygonfromtext polygonfromwkb pow power ps_current_thread_id ps_thread_id quote radians rand random_bytes
regexp_instr regexp_like regexp_replace regexp_substr release_all_locks release_lock remove_dd_property_key
replace_oracle reverse roles_graphml round rpad rpad_oracle rtrim rtrim_oracle sec_to_time sformat sha sha1 sha2 sign
sin sleep soundex source_pos_wait space sqrt srid st_area st_asbinary st_asgeojson st_astext st_aswkb st_aswkt
st_boundary st_buffer st_buffer_strategy st_centroid st_contains st_convexhull st_crosses st_difference st_dimension
st_disjoint st_distance st_distance_sphere st_endpoint st_envelope st_equals st_exteriorring st_frechetdistance
st_geohash st_geomcollfromtext st_geomcollfromtxt st_geomcollfromwkb st_geometrycollectionfromtext
st_geometrycollectionfromwkb st_geometryfromtext st_geometryfromwkb st_geometryn st_geometrytype st_geomfromgeojson
st_geomfromtext st_geomfromwkb st_hausdorffdistance st_interiorringn st_intersection st_intersects st_isclosed
st_isempty st_isring st_issimple st_isvalid st_latfromgeohash st_latitude st_length st_linefromtext st_linefromwkb
st_lineinterpolatepoint st_lineinterpolatepoints st_linestringfromtext st_linestringfromwkb st_longfromgeohash
st_longitude st_makeenvelope st_mlinefromtext st_mlinefromwkb st_mpointfromtext st_mpointfromwkb st_mpolyfromtext
st_mpolyfromwkb st_multilinestringfromtext st_multilinestringfromwkb st_multipointfromtext st_multipointfromwkb
st_multipolygonfromtext st_multipolygonfromwkb st_numgeometries st_numinteriorring st_numinteriorrings st_numpoints
st_overlaps st_pointatdistance st_pointfromgeohash st_pointfromtext st_pointfromwkb st_pointn st_pointonsurface
st_polyfromtext st_polyfromwkb st_polygonfromtext st_polygonfromwkb st_relate st_simplify st_srid st_startpoint
st_swapxy st_symdifference st_touches st_transform st_union st_validate st_within st_x st_y startpoint
statement_digest statement_digest_text str_to_date strcmp string_to_vector substr_oracle substring_index subtime
sys_guid tan time_format time_to_sec timediff to_base64 to_char to_date to_days to_number to_seconds to_vector touches
trim_oracle trt_begin_ts trt_commit_id trt_commit_ts trt_iso_level trt_trx_id trt_trx_sees trt_trx_sees_eq trunc ucase
uncompress uncompressed_length unhex unix_timestamp updatexml upper uuid uuid_short uuid_to_bin uuid_v4 uuid_v7
validate_password_strength vec_distance vec_distance_cosine vec_distance_euclidean vec_fromtext vec_totext vector_dim
vector_distance vector_to_string version wait_for_executed_gtid_set wait_until_sql_thread_after_gtids weekday
weekofyear within wsrep_last_seen_gtid wsrep_last_written_gtid wsrep_sync_wait_upto_gtid x y yearweek
`);

/** The same, but built into the grammar: back-quoted, these names are not those functions. */
export const GRAMMAR_FUNCTIONS: readonly string[] = words(`
adddate analyse ascii avg bit_and bit_or bit_xor cast char charset coalesce collation column_add column_create
column_get convert count cume_dist curdate current_date current_role current_time current_timestamp current_user
curtime database date date_add date_sub day default dense_rank extract first_value format geomcollection
geometrycollection get_format group_concat grouping hour if insert interval json_arrayagg json_objectagg json_table
json_value lag last_value lastval lead left linestring localtime localtimestamp match max median microsecond mid min
minute mod month multilinestring multipoint multipolygon nextval now nth_value ntile old_password password
percent_rank percentile_cont percentile_disc point polygon position quarter rank repeat replace right row_count
row_number rownum schema second session_user setval st_collect std stddev stddev_pop stddev_samp subdate substr
substring sum sysdate system_user time timestamp timestampadd timestampdiff trim truncate user utc_date utc_time
utc_timestamp value values var_pop var_samp variance week weight_string year
`);

/** Words of the grammar that may stand before a parenthesis without calling anything: operators, clauses, types. */
export const SYNTAX_WORDS: readonly string[] = words(`
against all and any as bernoulli between bigint binary bit blob bool boolean both by case char char_byte character
check collate columns compressed cross cube datetime dec decimal delayed delete desc describe distinct distinctrow div
do double dual else elseif end enum escape except exists explain fields first fixed float float4 float8 for force from
full geometry group grouping hash having high_priority ignore in index inet4 inet6 inner int int1 int2 int3 int4 int8
integer intersect into is join json key keys kill lateral leading like limit list long longblob longtext low_priority
mediumblob mediumint mediumtext middleint minus national natural nchar next not number numeric nvarchar of offset on
or order outer over partition period precision qualify quick range raw real recursive references regexp return
returning rlike rollup row rows select separator set signed smallint some sounds sql_big_result sql_buffer_result
sql_cache sql_calc_found_rows sql_no_cache sql_small_result straight_join system table text then tinyblob tinyint
tinytext to trailing union unsigned until update use using varbinary varchar varchar2 varcharacter varying vector when
where while window with xmltype xor
`);
