"""Countries (ISO 3166-1) and languages (ISO 639-1), found by any of their codes or their English names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

# two letters, three letters, names
_COUNTRIES = """
AD AND Andorra; AE ARE United Arab Emirates; AF AFG Afghanistan; AG ATG Antigua and Barbuda; AI AIA Anguilla;
AL ALB Albania; AM ARM Armenia; AO AGO Angola; AQ ATA Antarctica; AR ARG Argentina; AS ASM American Samoa;
AT AUT Austria; AU AUS Australia; AW ABW Aruba; AX ALA Åland Islands; AZ AZE Azerbaijan;
BA BIH Bosnia and Herzegovina; BB BRB Barbados; BD BGD Bangladesh; BE BEL Belgium; BF BFA Burkina Faso;
BG BGR Bulgaria; BH BHR Bahrain; BI BDI Burundi; BJ BEN Benin; BL BLM Saint Barthélemy; BM BMU Bermuda;
BN BRN Brunei/Brunei Darussalam; BO BOL Bolivia; BQ BES Caribbean Netherlands; BR BRA Brazil; BS BHS Bahamas;
BT BTN Bhutan; BV BVT Bouvet Island; BW BWA Botswana; BY BLR Belarus; BZ BLZ Belize; CA CAN Canada;
CC CCK Cocos Islands; CD COD DR Congo/Democratic Republic of the Congo; CF CAF Central African Republic;
CG COG Congo/Republic of the Congo; CH CHE Switzerland; CI CIV Ivory Coast/Côte d'Ivoire; CK COK Cook Islands;
CL CHL Chile; CM CMR Cameroon; CN CHN China; CO COL Colombia; CR CRI Costa Rica; CU CUB Cuba;
CV CPV Cape Verde/Cabo Verde; CW CUW Curaçao; CX CXR Christmas Island; CY CYP Cyprus; CZ CZE Czechia/Czech Republic;
DE DEU Germany; DJ DJI Djibouti; DK DNK Denmark; DM DMA Dominica; DO DOM Dominican Republic; DZ DZA Algeria;
EC ECU Ecuador; EE EST Estonia; EG EGY Egypt; EH ESH Western Sahara; ER ERI Eritrea; ES ESP Spain; ET ETH Ethiopia;
FI FIN Finland; FJ FJI Fiji; FK FLK Falkland Islands; FM FSM Micronesia; FO FRO Faroe Islands; FR FRA France;
GA GAB Gabon; GB GBR United Kingdom/Great Britain/UK; GD GRD Grenada; GE GEO Georgia; GF GUF French Guiana;
GG GGY Guernsey; GH GHA Ghana; GI GIB Gibraltar; GL GRL Greenland; GM GMB Gambia; GN GIN Guinea; GP GLP Guadeloupe;
GQ GNQ Equatorial Guinea; GR GRC Greece; GS SGS South Georgia and the South Sandwich Islands; GT GTM Guatemala;
GU GUM Guam; GW GNB Guinea-Bissau; GY GUY Guyana; HK HKG Hong Kong; HM HMD Heard Island and McDonald Islands;
HN HND Honduras; HR HRV Croatia; HT HTI Haiti; HU HUN Hungary; ID IDN Indonesia; IE IRL Ireland; IL ISR Israel;
IM IMN Isle of Man; IN IND India; IO IOT British Indian Ocean Territory; IQ IRQ Iraq; IR IRN Iran; IS ISL Iceland;
IT ITA Italy; JE JEY Jersey; JM JAM Jamaica; JO JOR Jordan; JP JPN Japan; KE KEN Kenya; KG KGZ Kyrgyzstan;
KH KHM Cambodia; KI KIR Kiribati; KM COM Comoros; KN KNA Saint Kitts and Nevis; KP PRK North Korea;
KR KOR South Korea; KW KWT Kuwait; KY CYM Cayman Islands; KZ KAZ Kazakhstan; LA LAO Laos; LB LBN Lebanon;
LC LCA Saint Lucia; LI LIE Liechtenstein; LK LKA Sri Lanka; LR LBR Liberia; LS LSO Lesotho; LT LTU Lithuania;
LU LUX Luxembourg; LV LVA Latvia; LY LBY Libya; MA MAR Morocco; MC MCO Monaco; MD MDA Moldova; ME MNE Montenegro;
MF MAF Saint Martin; MG MDG Madagascar; MH MHL Marshall Islands; MK MKD North Macedonia/Macedonia; ML MLI Mali;
MM MMR Myanmar/Burma; MN MNG Mongolia; MO MAC Macau/Macao; MP MNP Northern Mariana Islands; MQ MTQ Martinique;
MR MRT Mauritania; MS MSR Montserrat; MT MLT Malta; MU MUS Mauritius; MV MDV Maldives; MW MWI Malawi; MX MEX Mexico;
MY MYS Malaysia; MZ MOZ Mozambique; NA NAM Namibia; NC NCL New Caledonia; NE NER Niger; NF NFK Norfolk Island;
NG NGA Nigeria; NI NIC Nicaragua; NL NLD Netherlands/The Netherlands/Holland; NO NOR Norway; NP NPL Nepal;
NR NRU Nauru; NU NIU Niue; NZ NZL New Zealand; OM OMN Oman; PA PAN Panama; PE PER Peru; PF PYF French Polynesia;
PG PNG Papua New Guinea; PH PHL Philippines; PK PAK Pakistan; PL POL Poland; PM SPM Saint Pierre and Miquelon;
PN PCN Pitcairn; PR PRI Puerto Rico; PS PSE Palestine; PT PRT Portugal; PW PLW Palau; PY PRY Paraguay; QA QAT Qatar;
RE REU Réunion; RO ROU Romania; RS SRB Serbia; RU RUS Russia/Russian Federation; RW RWA Rwanda; SA SAU Saudi Arabia;
SB SLB Solomon Islands; SC SYC Seychelles; SD SDN Sudan; SE SWE Sweden; SG SGP Singapore; SH SHN Saint Helena;
SI SVN Slovenia; SJ SJM Svalbard and Jan Mayen; SK SVK Slovakia; SL SLE Sierra Leone; SM SMR San Marino;
SN SEN Senegal; SO SOM Somalia; SR SUR Suriname; SS SSD South Sudan; ST STP Sao Tome and Principe; SV SLV El Salvador;
SX SXM Sint Maarten; SY SYR Syria; SZ SWZ Eswatini/Swaziland; TC TCA Turks and Caicos Islands; TD TCD Chad;
TF ATF French Southern Territories; TG TGO Togo; TH THA Thailand; TJ TJK Tajikistan; TK TKL Tokelau;
TL TLS East Timor/Timor-Leste; TM TKM Turkmenistan; TN TUN Tunisia; TO TON Tonga; TR TUR Turkey/Türkiye;
TT TTO Trinidad and Tobago; TV TUV Tuvalu; TW TWN Taiwan; TZ TZA Tanzania; UA UKR Ukraine; UG UGA Uganda;
UM UMI United States Minor Outlying Islands; US USA United States/United States of America; UY URY Uruguay;
UZ UZB Uzbekistan; VA VAT Vatican City/Holy See; VC VCT Saint Vincent and the Grenadines; VE VEN Venezuela;
VG VGB British Virgin Islands; VI VIR US Virgin Islands; VN VNM Vietnam/Viet Nam; VU VUT Vanuatu;
WF WLF Wallis and Futuna; WS WSM Samoa; YE YEM Yemen; YT MYT Mayotte; ZA ZAF South Africa; ZM ZMB Zambia;
ZW ZWE Zimbabwe
"""

# two letters, three letters (terminological, bibliographic), names
_LANGUAGES = """
aa aar Afar; ab abk Abkhazian; ae ave Avestan; af afr Afrikaans; ak aka Akan; am amh Amharic; an arg Aragonese;
ar ara Arabic; as asm Assamese; av ava Avaric; ay aym Aymara; az aze Azerbaijani; ba bak Bashkir; be bel Belarusian;
bg bul Bulgarian; bh bih Bihari languages; bi bis Bislama; bm bam Bambara; bn ben Bengali; bo bod/tib Tibetan;
br bre Breton; bs bos Bosnian; ca cat Catalan/Valencian; ce che Chechen; ch cha Chamorro; co cos Corsican;
cr cre Cree; cs ces/cze Czech; cu chu Church Slavic; cv chv Chuvash; cy cym/wel Welsh; da dan Danish;
de deu/ger German; dv div Divehi/Dhivehi/Maldivian; dz dzo Dzongkha; ee ewe Ewe; el ell/gre Greek; en eng English;
eo epo Esperanto; es spa Spanish/Castilian; et est Estonian; eu eus/baq Basque; fa fas/per Persian; ff ful Fulah;
fi fin Finnish; fj fij Fijian; fo fao Faroese; fr fra/fre French; fy fry Western Frisian/Frisian; ga gle Irish;
gd gla Gaelic/Scottish Gaelic; gl glg Galician; gn grn Guarani; gu guj Gujarati; gv glv Manx; ha hau Hausa;
he heb Hebrew; hi hin Hindi; ho hmo Hiri Motu; hr hrv Croatian; ht hat Haitian/Haitian Creole; hu hun Hungarian;
hy hye/arm Armenian; hz her Herero; ia ina Interlingua; id ind Indonesian; ie ile Interlingue/Occidental; ig ibo Igbo;
ii iii Sichuan Yi/Nuosu; ik ipk Inupiaq; io ido Ido; is isl/ice Icelandic; it ita Italian; iu iku Inuktitut;
ja jpn Japanese; jv jav Javanese; ka kat/geo Georgian; kg kon Kongo; ki kik Kikuyu/Gikuyu; kj kua Kuanyama/Kwanyama;
kk kaz Kazakh; kl kal Kalaallisut/Greenlandic; km khm Central Khmer; kn kan Kannada; ko kor Korean; kr kau Kanuri;
ks kas Kashmiri; ku kur Kurdish; kv kom Komi; kw cor Cornish; ky kir Kirghiz/Kyrgyz; la lat Latin;
lb ltz Luxembourgish/Letzeburgesch; lg lug Ganda; li lim Limburgan/Limburger/Limburgish; ln lin Lingala; lo lao Lao;
lt lit Lithuanian; lu lub Luba-Katanga; lv lav Latvian; mg mlg Malagasy; mh mah Marshallese; mi mri/mao Maori;
mk mkd/mac Macedonian; ml mal Malayalam; mn mon Mongolian; mr mar Marathi; ms msa/may Malay; mt mlt Maltese;
my mya/bur Burmese; na nau Nauru; nb nob Norwegian Bokmål/Bokmål; nd nde North Ndebele; ne nep Nepali; ng ndo Ndonga;
nl nld/dut Dutch/Flemish; nn nno Norwegian Nynorsk/Nynorsk; no nor Norwegian; nr nbl South Ndebele;
nv nav Navajo/Navaho; ny nya Chichewa/Chewa/Nyanja; oc oci Occitan/Provençal; oj oji Ojibwa; om orm Oromo;
or ori Oriya; os oss Ossetian/Ossetic; pa pan Panjabi/Punjabi; pi pli Pali; pl pol Polish; ps pus Pushto/Pashto;
pt por Portuguese; qu que Quechua; rm roh Romansh; rn run Rundi; ro ron/rum Romanian/Moldavian/Moldovan;
ru rus Russian; rw kin Kinyarwanda; sa san Sanskrit; sc srd Sardinian; sd snd Sindhi; se sme Northern Sami;
sg sag Sango; si sin Sinhala/Sinhalese; sk slk/slo Slovak; sl slv Slovenian; sm smo Samoan; sn sna Shona;
so som Somali; sq sqi/alb Albanian; sr srp Serbian; ss ssw Swati; st sot Southern Sotho; su sun Sundanese;
sv swe Swedish; sw swa Swahili; ta tam Tamil; te tel Telugu; tg tgk Tajik; th tha Thai; ti tir Tigrinya;
tk tuk Turkmen; tl tgl Tagalog; tn tsn Tswana; to ton Tonga; tr tur Turkish; ts tso Tsonga; tt tat Tatar; tw twi Twi;
ty tah Tahitian; ug uig Uighur/Uyghur; uk ukr Ukrainian; ur urd Urdu; uz uzb Uzbek; ve ven Venda; vi vie Vietnamese;
vo vol Volapük; wa wln Walloon; wo wol Wolof; xh xho Xhosa; yi yid Yiddish; yo yor Yoruba; za zha Zhuang/Chuang;
zh zho/chi Chinese; zu zul Zulu
"""


class Code(NamedTuple):
    """alpha2, alpha3: in the case in which the standard writes them."""

    alpha2: str
    alpha3: str
    name: str


def _rows(table: str) -> Iterator[tuple[Code, list[str]]]:
    """Each code with all the spellings by which it is known."""
    for row in " ".join(table.split()).split("; "):
        alpha2, codes, names = row.split(" ", 2)
        others, known = codes.split("/"), names.split("/")
        yield Code(alpha2, others[0], known[0]), [alpha2, *others, *known]


def _index(table: str) -> Mapping[str, Code]:
    return {spelling.casefold(): code for code, spellings in _rows(table) for spelling in spellings}


COUNTRIES = _index(_COUNTRIES)
LANGUAGES = _index(_LANGUAGES)


def country(text: str) -> Code | None:
    """By two or three letters or by English name, in any case; None when it is none of them."""
    return COUNTRIES.get(text.strip().casefold())


def language(text: str) -> Code | None:
    """By two or three letters or by English name, in any case; of a locale such as `sv-SE`, its language."""
    plain = text.strip().casefold()
    return LANGUAGES.get(plain) or LANGUAGES.get(plain.replace("_", "-").split("-")[0])
