//! Legal persons: firms, one-person businesses, co-operatives, institutions, associations.

use chrono::{Days, NaiveDate};

use super::{City, Dice, Person, TODAY, codes, names};

/// What sort of legal person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sort {
    /// 企业.
    Firm,
    /// 个体工商户.
    Individual,
    /// 农民专业合作社.
    Cooperative,
    /// 事业单位.
    Institution,
    /// 社会团体.
    Association,
    /// 民办非企业单位.
    PrivateUnit,
}

/// One legal person. Everything follows from its number.
#[derive(Clone, Debug)]
pub struct LegalPerson {
    /// 0 to the city's number of legal persons less one.
    pub number: u64,
    /// What sort.
    pub sort: Sort,
    /// 统一社会信用代码.
    pub credit_code: String,
    /// 名称.
    pub name: String,
    /// What it trades in.
    pub trade: &'static str,
    /// Section of GB/T 4754.
    pub industry: &'static str,
    /// 法定代表人.
    pub head: Person,
    /// 成立日期.
    pub founded_on: NaiveDate,
    /// 注册资本, in 10,000 yuan, two decimals.
    pub capital: String,
    /// Index of the county.
    pub county: usize,
    /// 住所.
    pub address: String,
}

/// Describes a legal person.
pub fn legal_person(city: &City, number: u64) -> LegalPerson {
    let mut dice = Dice::new(city.seed, "legal-person", number);
    let sort = match dice.below(100) {
        0..58 => Sort::Firm,
        58..90 => Sort::Individual,
        90..94 => Sort::Cooperative,
        94..96 => Sort::Institution,
        96..98 => Sort::Association,
        _ => Sort::PrivateUnit,
    };
    let head = adult(city, dice.below(city.persons));
    let county = head.county;
    let founded_on = TODAY - Days::new(200 + dice.below(20 * 365));
    let (word, industry) = *dice.pick_early(names::TRADES);
    LegalPerson {
        number,
        sort,
        credit_code: credit_code(city, sort, county, number),
        name: name(city, sort, county, word, number, &mut dice),
        trade: word,
        industry,
        founded_on,
        capital: format!("{}.{:02}", 3 + dice.below(4_997), 25 * dice.below(4)),
        county,
        address: city.address(&head, &mut dice),
        head,
    }
}

/// The first adult at or after a number; the city is searched round.
fn adult(city: &City, from: u64) -> Person {
    (0..city.persons)
        .map(|step| city.person((from + step) % city.persons))
        .find(|person| (25..75).contains(&person.age()))
        .unwrap_or_else(|| city.person(from))
}

/// Organisation codes are unique by the number in their body.
fn credit_code(city: &City, sort: Sort, county: usize, number: u64) -> String {
    let (office, letters) = match sort {
        Sort::Firm => ("91", "MA"),
        Sort::Individual => ("92", "MA"),
        Sort::Cooperative => ("93", "MA"),
        Sort::Institution => ("12", "MB"),
        Sort::Association => ("51", "MJ"),
        Sort::PrivateUnit => ("52", "MJ"),
    };
    let scattered = number * 7_919 % 887_503_681 + 29_791;
    let body = format!("{letters}{}", codes::base31(scattered, 6));
    let organisation = codes::organisation_code(&body);
    codes::credit_code(&format!("{office}{}{organisation}", city.places.counties[county].code))
}

/// Firms' names are unique within the city: a number in the words keeps them apart.
fn name(
    city: &City,
    sort: Sort,
    county: usize,
    trade: &str,
    number: u64,
    dice: &mut Dice,
) -> String {
    let place = &city.places.counties[county].name;
    let word = *dice.pick(names::FIRM_WORDS);
    let tail = *dice.pick(names::FIRM_TAILS);
    let mark = mark(number);
    match sort {
        Sort::Firm => format!("娄底市{word}{tail}{mark}{trade}有限公司"),
        Sort::Individual => format!("{place}{word}{tail}{mark}{trade}店"),
        Sort::Cooperative => format!("{place}{word}{tail}{mark}种养专业合作社"),
        Sort::Institution => {
            let kind =
                *dice.pick(&["中心小学", "卫生院", "文化馆", "农技站", "水利管理所", "图书馆"]);
            format!("{place}{word}{mark}{kind}")
        }
        Sort::Association => {
            format!("{place}{word}{mark}{}", dice.pick(&["商会", "协会", "学会", "志愿者联合会"]))
        }
        Sort::PrivateUnit => {
            format!(
                "{place}{word}{mark}{}",
                dice.pick(&["幼儿园", "养老院", "培训学校", "服务中心"])
            )
        }
    }
}

/// A number in Chinese characters that look like a word of a firm's name.
fn mark(mut number: u64) -> String {
    const SIGNS: [&str; 24] = [
        "一", "元", "大", "中", "华", "新", "东", "西", "南", "北", "金", "木", "水", "火", "土",
        "日", "月", "星", "江", "河", "山", "石", "田", "林",
    ];
    let mut text = String::new();
    while number > 0 || text.is_empty() {
        text.push_str(SIGNS[(number % 24) as usize]);
        number /= 24;
    }
    text
}
