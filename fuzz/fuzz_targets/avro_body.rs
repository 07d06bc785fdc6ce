#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| yiku_fuzz::avro_body::run(bytes));
