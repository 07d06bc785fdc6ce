//! Civil affairs and the police: divisions and standard addresses.

use super::{
    Encoding, Form, Row, Rows, System, column,
    value::{moment, often, recent, text},
};
use crate::demo::{
    city::{City, Dice},
    fault::{
        Expect, cell, doubled, fault, garbage, ragged, rejected, repeated, rule_broken,
        rule_warned, warned,
    },
};

/// 行政区划: the whole list in one file, every time.
pub static DIVISION: System = System {
    connector: "division",
    entry: "civil-affairs/division",
    form: Form::Delimited { extension: "csv", encoding: Encoding::Utf8, rows_per_file: u64::MAX },
    more: "load: full\n",
    columns: &[
        column("QHDM", "code", "do: [trim, half-width]"),
        column("QHMC", "name", "do: [trim]"),
        column("QHJB", "level", "codes: { 地级: city, 县级: county, 乡级: town, 村级: village }"),
        column("SJQHDM", "parent", "do: [trim]"),
        column("QYNF", "from_year", ""),
    ],
    key: &["QHDM"],
    rows: division,
    faults: &[
        fault("full-width digits", "QHDM", cell::full_width, Expect::Accepted),
        fault("word for a code", "QHJB", cell::word_for_code, rejected("code-list", "level")),
        fault("nothing filled in", "QHMC", cell::empty, rejected("required", "name")),
        fault("no parent", "SJQHDM", cell::empty, rule_broken("parent-unless-first")),
        fault("number in words", "QYNF", cell::in_words, rejected("type", "from_year")),
        doubled("QHMC"),
        repeated("QHDM"),
        fault("unknown division", "SJQHDM", cell::unknown_division, warned("code-list", "parent")),
        fault("remark in the field", "QHMC", cell::too_long, rejected("length", "name")),
    ],
};

fn division(city: &City) -> Rows<'_> {
    Box::new(city.places.divisions.iter().map(|division| {
        let level = match division.level.as_str() {
            "city" => "地级",
            "county" => "县级",
            "town" => "乡级",
            _ => "村级",
        };
        vec![
            text(&division.code),
            text(&division.name),
            text(level),
            text(&division.parent),
            text(1999 + division.code.len()),
        ]
    }))
}

/// 标准地址: tab-separated files.
pub static ADDRESS: System = System {
    connector: "standard-address",
    entry: "public-security/standard-address",
    form: Form::Delimited { extension: "tsv", encoding: Encoding::Utf8, rows_per_file: 20_000 },
    more: "",
    columns: &[
        column("DZBM", "address_code", "do: [trim]"),
        column("DZMC", "address", "do: [trim]"),
        column("SQDM", "division", ""),
        column("JLX", "street", ""),
        column("MPH", "door_no", ""),
        column("XQ", "estate", ""),
        column("LD", "building", ""),
        column("DY", "unit", ""),
        column("HS", "room", ""),
        column("YSLX", "element", ""),
        column("JD", "longitude", "do: [trim, half-width]"),
        column("WD", "latitude", "do: [trim, half-width]"),
        column("SFYX", "valid", r#"codes: { 是: "true", 否: "false" }"#),
        column("GXSJ", "updated_at", r#"date: ["yyyy-MM-dd HH:mm:ss"]"#),
    ],
    key: &["DZBM"],
    rows: address,
    faults: &[
        fault("full-width digits", "JD", cell::full_width, Expect::Accepted),
        fault("outside the city", "JD", cell::elsewhere, rejected("range", "longitude")),
        fault("swapped sign", "WD", cell::negative, rejected("range", "latitude")),
        fault("number in words", "WD", cell::remark, rejected("type", "latitude")),
        fault("too many decimals", "JD", cell::too_precise, rejected("precision", "longitude")),
        fault("half a coordinate", "WD", cell::empty, rule_broken("both-coordinates")),
        fault(
            "unknown division",
            "SQDM",
            cell::unknown_division,
            rejected("code-list", "division"),
        ),
        fault("code of another place", "DZBM", cell::next_place, rule_broken("code-in-division")),
        fault("word for a code", "SFYX", cell::word_for_code, rejected("code-list", "valid")),
        fault("abolished without day", "SFYX", cell::no, rule_broken("day-if-abolished")),
        fault("address without city", "DZMC", cell::without_city, rule_warned("in-loudi")),
        doubled("MPH"),
        ragged("GXSJ"),
        garbage("GXSJ"),
    ],
};

fn address(city: &City) -> Rows<'_> {
    Box::new((0..city.persons / 5).map(|number| address_row(city, number)))
}

fn address_row(city: &City, number: u64) -> Row {
    let mut dice = Dice::new(city.seed, "address", number);
    let dice = &mut dice;
    let county = dice.pick(&city.places.counties);
    let town = dice.pick(&county.towns);
    let (code, village) = dice.pick(&town.villages);
    let street = city.street(dice);
    let door = format!("{}号", 1 + dice.below(400));
    let building = often(dice, 50, format!("{}栋", 1 + number % 20));
    let in_building = building.is_some();
    let unit = format!("{}单元", 1 + dice.below(4));
    let room = format!("{}{:02}", 1 + dice.below(18), 1 + dice.below(4));
    let place = format!("湖南省娄底市{}{}{village}{street}{door}", county.name, town.name);
    vec![
        text(format!("{code}{number:08}")),
        text(place),
        text(code),
        text(street),
        text(door),
        often(dice, 40, format!("{}小区", county.name)),
        building,
        text(unit).filter(|_| in_building),
        text(room).filter(|_| in_building),
        text("41"),
        text(format!("111.{:06}", 100_000 + dice.below(800_000))),
        text(format!("27.{:06}", 400_000 + dice.below(500_000))),
        text("是"),
        moment(recent(dice, 300), dice),
    ]
}
