"""Every key figure, declared once. Sources are sections of the statistics specification, and the law."""

from __future__ import annotations

from typing import Any

from bvr.statistics.figures.declared import Figure
from bvr.statistics.figures.law import listed

_CONCLUDED = "e.konkludert BETWEEN e.fra AND e.til"
_STARTED = "e.start_dato BETWEEN e.fra AND e.til"
_HEADLINE = f"{_CONCLUDED} AND e.kode NOT IN ('3', '4')"
_OPEN = "e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato > e.til)"
_ACTIVE = "e.start_dato <= e.til AND (e.slutt_dato IS NULL OR e.slutt_dato >= e.fra)"
_HY, _HYR, _HYD, _D = ("H", "Y"), ("H", "Y", "R"), ("H", "Y", "D"), ("D",)
_BREAK_M = "2026: konklusjon 1 deles i 5-10; HENLAGT er begge."
_BREAK_U = "2026: konklusjon 5 deles i 5, 7, 8 og 9; FLYTTET er begge."
_BREAK_C = "2026: tallkodene for saksinnhold erstattes av Kunnskapsmodellens; to serier."
_BREAK_L = "2023: ny barnevernslov."
_BREAK_A = "2021: aldersgrensen heves til 25 år."
_FROM_HOME = "IF(e.periodetype = 'D', e.plassert_d, e.plassert)"
_CARE = "IF(e.periodetype = 'D', e.omsorg_d, e.omsorg)"
_ANY = "IF(e.periodetype = 'D', e.tiltak_d, e.tiltak)"
_CHILD = "e.alder BETWEEN 0 AND 17"
_YOUNG = "e.alder BETWEEN 0 AND 24"
_M_CODES = "[e.kode, IF(e.kode IN ('1', '5', '6', '7', '8', '9', '10'), 'HENLAGT', NULL)]"
_U_CODES = "[e.kode, IF(e.kode IN ('5', '7', '8', '9'), 'FLYTTET', NULL)]"


def _f(number: int, name: str, nb: str, en: str, about: tuple[str, str], **rest: Any) -> Figure:
    rest.setdefault("source", "statistics 1")
    return Figure(
        number=number, id=name, title_nb=nb, title_en=en, definition_nb=about[0], definition_en=about[1], **rest
    )


def _rate(
    numerator: str,
    name: str,
    med: str,
    periods: tuple[str, ...],
    family: str = "barn",
    per: int = 1000,
    band: str = "F000-017",
) -> Figure:
    within = _CHILD if band == "F000-017" else _YOUNG
    ages = "0-17" if band == "F000-017" else "0-24"
    return _f(
        60,
        f"rate_{name}",
        f"{numerator} per 1 000 innbyggere {ages} år",
        f"Rate of {name} per 1,000 inhabitants aged {ages}",
        (
            f"{numerator}, alder {ages} ved periodens slutt, per 1 000 innbyggere i samme alder dagen etter.",
            f"Of that age at the end of the period, per 1,000 inhabitants of the same age on the day after ({name}).",
        ),
        family=family,
        unit="BARN" if family == "barn" else "HENDELSE",
        periods=periods,
        med=f"{med} AND {within}",
        population=band,
        per=per,
        corresponds="StatBank 09050",
        breaks=(_BREAK_A,),
    )


FIGURES: tuple[Figure, ...] = (
    _f(
        *(1, "meldinger_mottatt", "Mottatte meldinger", "Reports received"),
        ("Meldinger med StartDato i perioden.", "Reports with StartDato in the period."),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HYR, "med": _STARTED},
        **{"koder": "e.melder", "kodeliste": "Melder", "identities": ("H1 + H2 = Y",)},
        corresponds="bare BVR: SSB teller gjennomgåtte",
    ),
    _f(
        *(2, "meldinger_konkludert", "Gjennomgåtte meldinger", "Reports concluded"),
        ("Meldinger med Konklusjon i perioden, alle koder.", "Reports concluded in the period, all codes."),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HYR, "med": _CONCLUDED},
        **{"koder": _M_CODES, "kodeliste": "MeldingKonklusjon", "breaks": (_BREAK_M,)},
        **{"corresponds": "StatBank 12189 (K)", "identities": ("#2 = #3 + #6 + #7", "H1 + H2 = Y")},
    ),
    _f(
        *(3, "meldinger_ssb", "Meldinger (SSB hovedtall)", "Headline reports"),
        ("Gjennomgåtte meldinger uten kode 3 og 4.", "Reports concluded with codes other than 3 and 4."),
        **{"family": "melding", "unit": "HENDELSE", "periods": ("Y", "R"), "med": _HEADLINE},
        **{"koder": _M_CODES, "kodeliste": "MeldingKonklusjon", "breaks": (_BREAK_M,)},
        **{"corresponds": "SSB hovedtabell", "identities": ("#3 = #4 + #5",)},
    ),
    _f(
        *(4, "meldinger_henlagt", "Henlagte meldinger", "Reports dismissed"),
        (
            "Meldinger (#3) med annen kode enn 2; andel av #3.",
            "Of headline reports (#3), those with a code other than 2.",
        ),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HY, "med": _HEADLINE},
        **{"teller": "IF(e.kode != '2', 1, 0)", "nevner": "1", "koder": "e.melder", "kodeliste": "Melder"},
        **{"corresponds": "SSB tabell 1", "identities": ("#3 = #4 + #5",)},
    ),
    _f(
        *(5, "meldinger_til_us", "Meldinger til undersøkelse", "Reports leading to an investigation"),
        ("Meldinger (#3) med kode 2.", "Headline reports (#3) with code 2."),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HY, "med": _HEADLINE},
        **{"teller": "IF(e.kode = '2', 1, 0)", "nevner": "1"},
        **{"corresponds": "SSB tabell 1", "identities": ("#3 = #4 + #5",)},
    ),
    _f(
        *(6, "meldinger_aktive_tiltak", "Henlagt på grunn av aktive tiltak", "Child already has measures"),
        ("Gjennomgåtte meldinger med kode 3.", "Reports concluded with code 3."),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HY, "med": f"{_CONCLUDED} AND e.kode = '3'"},
        **{"corresponds": "StatBank 12189", "identities": ("#2 = #3 + #6 + #7",)},
    ),
    _f(
        *(7, "meldinger_pagaende_us", "Melding i pågående undersøkelse", "Folded into an ongoing investigation"),
        ("Gjennomgåtte meldinger med kode 4.", "Reports concluded with code 4."),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HY, "med": f"{_CONCLUDED} AND e.kode = '4'"},
        **{"corresponds": "StatBank 12189", "identities": ("#2 = #3 + #6 + #7",)},
    ),
    _f(
        *(8, "barn_med_melding", "Barn med melding", "Children with a report"),
        ("Barn med gjennomgått melding i perioden.", "Children with a report concluded in the period."),
        **{"family": "barn", "unit": "BARN", "periods": _HY, "med": "e.melding"},
        corresponds="StatBank 12615 (K), 12606 (B); KM 4F",
    ),
    _f(
        *(9, "meldinger_per_melder", "Hvem meldte", "By reporter"),
        ("Meldinger (#3) etter melder; en melding teller i hver.", "Headline reports by reporter; once in each."),
        **{"family": "melding", "unit": "HENDELSE", "periods": ("Y",), "med": _HEADLINE},
        **{"koder": "e.melder", "kodeliste": "Melder", "corresponds": "SSB"},
        breaks=("2025: melder 15 deles i 24 og 25.",),
    ),
    _f(
        *(10, "meldinger_per_innhold", "Saksinnhold", "By content"),
        ("Meldinger (#3) etter saksinnhold; en melding teller i hvert.", "Headline reports by content; once in each."),
        **{"family": "melding", "unit": "HENDELSE", "periods": ("Y",), "med": _HEADLINE},
        **{"koder": "e.saksinnhold", "kodeliste": "Saksinnhold", "corresponds": "SSB", "breaks": (_BREAK_C,)},
    ),
    _f(
        *(11, "melding_fristbrudd", "Meldinger behandlet etter 7 dager", "Reports handled after one week"),
        (
            "Gjennomgåtte meldinger (#2) med mer enn 7 dager fra StartDato; andel av #2.",
            "Reports concluded (#2) more than 7 days after StartDato; share of #2.",
        ),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HYR, "med": _CONCLUDED},
        **{"teller": "IF(DATE_DIFF(e.konkludert, e.start_dato, DAY) > 7, 1, 0)", "nevner": "1"},
        **{"source": "bvl. § 2-1; regel Melding Kontroll 3", "identities": ("teller <= nevner",)},
    ),
    _f(
        *(11, "melding_apne_over_frist", "Meldinger som har ventet mer enn 7 dager", "Reports waiting for over a week"),
        (
            "Åpne meldinger ved periodens slutt med mer enn 7 dager fra StartDato.",
            "Reports open at the end of the period, more than 7 days after StartDato.",
        ),
        **{"family": "melding", "unit": "HENDELSE", "periods": _HYR, "source": "bvl. § 2-1"},
        med=f"{_OPEN} AND DATE_DIFF(e.til, e.start_dato, DAY) > 7",
    ),
    _f(
        *(12, "us_startet", "Undersøkelser startet", "Investigations started"),
        ("Undersøkelser med StartDato i perioden.", "Investigations with StartDato in the period."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "med": _STARTED},
        **{"koder": "e.melder", "kodeliste": "Melder"},
        **{"corresponds": "SSB hovedtall", "identities": ("H1 + H2 = Y",)},
    ),
    _f(
        *(13, "barn_med_us", "Barn med undersøkelse", "Children investigated"),
        ("Barn 0-17 år med undersøkelse i perioden.", "Children aged 0-17 with an investigation in the period."),
        **{"family": "barn", "unit": "BARN", "periods": _HY, "med": f"e.undersokt AND {_CHILD}"},
        **{"population": "F000-017", "corresponds": "StatBank 12286 (K), 12490 (B); KM 1B"},
    ),
    _f(
        *(14, "barn_us_eller_tiltak", "Barn med undersøkelse eller tiltak", "Children with either"),
        ("Barn i #13 eller #26.", "Children in #13 or #26."),
        **{"family": "barn", "unit": "BARN", "periods": ("Y",), "med": f"(e.undersokt AND {_CHILD}) OR e.tiltak"},
        corresponds="StatBank 12870, 12904",
    ),
    _f(
        *(15, "us_avsluttet", "Undersøkelser avsluttet", "Investigations concluded"),
        ("Undersøkelser med Konklusjon i perioden.", "Investigations concluded in the period."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HYR, "med": _CONCLUDED},
        **{"koder": _U_CODES, "kodeliste": "UndersokelseKonklusjon", "breaks": (_BREAK_U,)},
        **{"corresponds": "SSB hovedtall; KHR", "identities": ("#15 = #17 + #18", "H1 + H2 = Y")},
    ),
    _f(
        *(16, "us_konklusjon", "Avsluttet etter konklusjon", "By conclusion"),
        ("Avsluttede undersøkelser (#15) etter kode.", "Investigations concluded (#15) by code."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "med": _CONCLUDED},
        **{"koder": _U_CODES, "kodeliste": "UndersokelseKonklusjon", "breaks": (_BREAK_U,)},
        corresponds="SSB tabell 2",
    ),
    _f(
        *(17, "us_til_tiltak", "Undersøkelser som ga vedtak", "Investigations leading to a decision"),
        ("Avsluttede undersøkelser med kode 1 eller 2; andel av #15.", "Concluded with code 1 or 2; share of #15."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "med": _CONCLUDED},
        **{"teller": "IF(e.kode IN ('1', '2'), 1, 0)", "nevner": "1"},
        **{"corresponds": "SSB", "identities": ("#15 = #17 + #18",)},
    ),
    _f(
        *(18, "us_henlagt", "Henlagte undersøkelser", "Investigations dropped"),
        ("Avsluttede undersøkelser med kode 3 til 9; andel av #15.", "Concluded with codes 3 to 9; share of #15."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "med": _CONCLUDED},
        **{"teller": "IF(e.kode IN ('1', '2'), 0, 1)", "nevner": "1", "koder": _U_CODES},
        **{"kodeliste": "UndersokelseKonklusjon", "corresponds": "SSB", "breaks": (_BREAK_U,)},
        identities=("#15 = #17 + #18",),
    ),
    _f(
        *(19, "us_innen_3mnd", "Behandlingstid inntil 3 måneder", "Within 3 months"),
        ("Avsluttet innen 3 måneder fra StartDato; andel av #15.", "Concluded within 3 months of StartDato."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": ("Y",), "med": _CONCLUDED},
        **{"teller": "IF(e.konkludert <= e.frist_ssb, 1, 0)", "nevner": "1", "corresponds": "KOSTRA"},
        identities=("#15 = innen 3 + 3-6 + over 6",),
    ),
    _f(
        *(20, "us_innen_6mnd", "Behandlingstid 3-6 måneder", "Between 3 and 6 months"),
        (
            "Avsluttet etter mer enn 3 og innen 6 måneder; andel av #15. Kode OVER6 er resten.",
            "Concluded after more than 3 and within 6 months; share of #15. OVER6 is the rest.",
        ),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": ("Y",), "med": _CONCLUDED},
        teller="IF(e.konkludert > e.frist_ssb AND e.konkludert <= DATE_ADD(e.start_dato, INTERVAL 6 MONTH), 1, 0)",
        koder="[IF(e.konkludert > DATE_ADD(e.start_dato, INTERVAL 6 MONTH), 'OVER6', NULL)]",
        **{"kodeteller": "1", "nevner": "1", "corresponds": "SSB"},
        identities=("#15 = innen 3 + 3-6 + over 6",),
    ),
    _f(
        *(21, "us_fristbrudd", "Fristbrudd i undersøkelser", "Statutory deadline exceeded"),
        (
            "Avsluttet etter fristen; andel av #15. Totalen er LOV: 3 måneder (6 ved utvidet frist) fra 7 dager etter "
            "meldingen. BVR90 er 90 (180) dager i stedet; SSB er 3 måneder fra undersøkelsens StartDato.",
            "Concluded after the deadline; share of #15. The total is LOV: 3 months (6 when extended) from 7 days after "
            "the report. BVR90 has 90 (180) days instead; SSB is 3 months from the investigation's StartDato.",
        ),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": ("H", "R"), "med": _CONCLUDED},
        **{"teller": "IF(e.konkludert > e.frist_lov, 1, 0)", "nevner": "1", "kodeteller": "1"},
        koder="[IF(e.konkludert > e.frist_lov, 'LOV', NULL), IF(e.konkludert > e.frist_bvr90, 'BVR90', NULL), "
        "IF(e.konkludert > e.frist_ssb, 'SSB', NULL)]",
        **{"source": "bvl. § 2-2; statistics 1.1", "corresponds": "KHR; KM 3A"},
    ),
    _f(
        *(22, "us_apne_over_frist", "Pågående over frist", "Open and overdue"),
        ("Åpne ved datoen og etter fristen, tre lesemåter som #21.", "Open at the date and overdue, read as #21."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _D, "med": _OPEN},
        **{"teller": "IF(e.til > e.frist_lov, 1, 0)", "nevner": "1", "kodeteller": "1"},
        koder="[IF(e.til > e.frist_lov, 'LOV', NULL), IF(e.til > e.frist_bvr90, 'BVR90', NULL), "
        "IF(e.til > e.frist_ssb, 'SSB', NULL)]",
        source="bvl. § 2-2; regel Undersøkelse Kontroll 11",
    ),
    _f(
        *(23, "us_utvidet_frist", "Utvidet frist innvilget", "Extension granted"),
        (
            "Avsluttede undersøkelser med innvilget utvidet frist.",
            "Investigations concluded with an extension granted.",
        ),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "corresponds": "KHR"},
        med=f"{_CONCLUDED} AND e.innvilget = '1'",
    ),
    _f(
        *(24, "us_vedtaksgrunnlag", "Vedtaksgrunnlag", "Grounds of decisions"),
        (
            "Undersøkelser (#17) etter vedtaksgrunnlag; teller i hvert.",
            "Investigations (#17) by grounds; once in each.",
        ),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": ("Y",), "breaks": (_BREAK_C,)},
        **{"med": f"{_CONCLUDED} AND e.kode IN ('1', '2')", "koder": "e.grunnlag", "kodeliste": "Saksinnhold"},
        corresponds="SSB",
    ),
    _f(
        *(25, "us_medvirkning", "Barnets medvirkning", "The child's participation"),
        ("Avsluttede undersøkelser der barnet medvirket (1.x); andel av #15.", "Where the child took part (1.x)."),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": _HY, "valid_from": 2026},
        med=f"{_CONCLUDED} AND e.til >= DATE '2026-01-01'",
        **{"teller": "IF(IFNULL(STARTS_WITH(e.medvirkning, '1.'), FALSE), 1, 0)", "nevner": "1", "kodeteller": "1"},
        **{"koder": "[e.medvirkning]", "kodeliste": "BarnetsMedvirkning"},
    ),
    _f(
        *(26, "barn_tiltak_aar", "Barn med tiltak i løpet av perioden", "Children with measures in the period"),
        ("Barn med tiltak i verk i perioden.", "Children with a measure in effect in the period."),
        **{"family": "barn", "unit": "BARN", "periods": _HY, "med": "e.tiltak", "breaks": (_BREAK_A,)},
        koder="[IF(e.omsorg, 'OMSORG', 'HJELP'), IF(e.plassert, '252', '251')]",
        **{"corresponds": "StatBank 09050 (F), 12275 (K), 12604 (B); KM 1A", "identities": ("H1, H2 <= Y <= H1 + H2",)},
    ),
    _f(
        *(27, "barn_tiltak_dato", "Barn med tiltak per dato", "Children with measures at a date"),
        ("Barn med tiltak i verk ved utgangen av datoen.", "Children with a measure in effect at the end of the day."),
        **{"family": "barn", "unit": "BARN", "periods": _D, "med": "e.tiltak_d", "breaks": (_BREAK_A,)},
        koder="[IF(e.omsorg_d, 'OMSORG', 'HJELP')]",
        **{"corresponds": "StatBank 09050, 12275", "identities": ("#27 = #29 + #30",)},
    ),
    _f(
        *(28, "nye_barn_tiltak", "Nye barn med tiltak", "New children with measures"),
        (
            "Barn i #26 uten tiltak i verk de 365 dagene før perioden i samme område.",
            "Children in #26 with no measure in effect in the 365 days before the period in the same region.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": _HY, "med": "e.tiltak AND NOT e.tidligere"},
        corresponds="StatBank 09050",
    ),
    _f(
        *(29, "barn_omsorgstiltak", "Barn med omsorgstiltak", "Children under care"),
        ("Barn i #26 eller #27 med minst ett omsorgstiltak.", "Children in #26 or #27 with a care measure."),
        **{"family": "barn", "unit": "BARN", "periods": _HYD, "med": f"{_ANY} AND {_CARE}", "breaks": (_BREAK_L,)},
        **{"corresponds": "SSB hovedtall", "identities": ("#27 = #29 + #30", "#29 = #33 OMSORG")},
    ),
    _f(
        *(30, "barn_hjelpetiltak", "Barn med hjelpetiltak", "Children with assistance only"),
        ("Barn i #26 eller #27 uten omsorgstiltak.", "Children in #26 or #27 without a care measure."),
        **{"family": "barn", "unit": "BARN", "periods": _HYD, "med": f"{_ANY} AND NOT {_CARE}", "breaks": (_BREAK_L,)},
        **{"corresponds": "SSB hovedtall; KHR", "identities": ("#27 = #29 + #30",)},
    ),
    _f(
        *(31, "andel_hjemme", "Hjelpetiltak i hjemmet", "Helped at home"),
        (
            "Barn 0-17 i #26 som ikke er plassert i perioden; andel.",
            "Of #26 aged 0-17, those not placed in the period.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": ("Y",), "med": f"e.tiltak AND {_CHILD}"},
        **{"teller": "IF(e.plassert, 0, 1)", "nevner": "1", "corresponds": "KM 1D"},
    ),
    _f(
        *(32, "tiltak_per_kategori", "Tiltak etter kategori", "Measures by category"),
        ("Tiltak i verk i året, eller ved datoen.", "Measures in effect in the year, or at the date."),
        **{"family": "tiltak", "unit": "HENDELSE", "periods": ("Y", "D")},
        med=f"IF(e.periodetype = 'D', {_OPEN}, {_ACTIVE})",
        **{"koder": "[e.kode]", "kodeliste": "TiltakKategori", "corresponds": "StatBank 10660 (F), 13939 (K)"},
        breaks=("2021: 2.6 ny.", "2026: 8.2 deles i 8.4 og 8.5."),
    ),
    _f(
        *(32, "tiltak_startet", "Tiltak startet", "Measures started"),
        ("Tiltak med StartDato i året.", "Measures with StartDato in the year."),
        **{"family": "tiltak", "unit": "HENDELSE", "periods": ("Y",), "med": _STARTED},
        **{"koder": "[e.kode]", "kodeliste": "TiltakKategori", "corresponds": "StatBank 10660 (F)"},
    ),
    _f(
        *(33, "barn_plassert_dato", "Barn med plasseringstiltak", "Children placed at a date"),
        (
            "Barn med plasseringstiltak i verk ved datoen, én gruppe per barn: det siste tiltaket.",
            "Children with a placement in effect at the date, one group a child: the latest measure.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": _D, "med": "e.plassert_d"},
        koder="[e.plassering, IF(e.omsorg_d, 'OMSORG', 'HJELP')]",
        **{"corresponds": "StatBank 11600 (F)", "identities": ("#29 = #33 OMSORG",)},
        breaks=("2026: 8.2 deles i 8.4 og 8.5.",),
    ),
    _f(
        *(34, "barn_plassert_aar", "Bor utenfor hjemmet i løpet av året", "Placed during the year"),
        ("Barn 0-17 med plasseringstiltak i året; andel av innbyggerne.", "Children aged 0-17 placed in the year."),
        **{"family": "barn", "unit": "BARN", "periods": ("Y",), "med": f"e.plassert AND {_CHILD}"},
        **{"population": "F000-017", "corresponds": "StatBank 12275 funksjon 252; KM 1C"},
    ),
    _f(
        *(35, "fosterhjem_naere", "Fosterhjem i familie og nære nettverk", "Kin foster homes"),
        ("Tiltak 2.1; andel av 2.1 og 2.2.", "Measures 2.1 as a share of 2.1 and 2.2."),
        **{"family": "tiltak", "unit": "HENDELSE", "periods": ("Y", "D")},
        med=f"e.kode IN ('2.1', '2.2') AND IF(e.periodetype = 'D', {_OPEN}, {_ACTIVE})",
        **{"teller": "IF(e.kode = '2.1', 1, 0)", "nevner": "1", "corresponds": "StatBank 10660; KM 1F"},
    ),
    _f(
        *(36, "akuttvedtak", "Akuttvedtak", "Emergency decisions"),
        ("Akuttvedtak i perioden med en annen status enn 3 og 4.", "Emergency decisions with a status not 3 or 4."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HYR, "med": f"e.art = 'V' AND e.akutt AND {_STARTED}"},
        **{"koder": "[e.kode]", "corresponds": "KM 3I, 3L", "breaks": (_BREAK_L,), "source": "statistics 0.5, 1"},
    ),
    _f(
        *(37, "akuttplasseringer", "Akuttplasseringer", "Emergency placements"),
        ("Plasseringstiltak startet i perioden, etter akutthjemmel.", "Placements started, on emergency grounds."),
        **{"family": "tiltak", "unit": "HENDELSE", "periods": _HYR, "med": f"e.plassert AND e.akutt AND {_STARTED}"},
        **{"koder": "[e.kode]", "kodeliste": "TiltakKategori", "corresponds": "Bufdir"},
    ),
    _f(
        *(38, "barn_tiltaksplan", "Barn i hjelpetiltak med tiltaksplan", "Plan coverage, assistance"),
        ("Av barn i #30 ved datoen: med åpen tiltaksplan (1; 5 fra 18 år).", "Of #30 at the date: with a plan open."),
        **{"family": "barn", "unit": "BARN", "periods": _D, "med": "e.tiltak_d AND NOT e.omsorg_d"},
        **{"teller": "IF(e.plan1 OR (e.plan5 AND e.alder >= 18), 1, 0)", "nevner": "1", "corresponds": "KHR; KM 3E"},
    ),
    _f(
        *(39, "barn_omsorgsplan", "Barn under omsorg med omsorgsplan", "Care-plan coverage"),
        (
            "Av barn i #29 ved datoen: med åpen omsorgsplan (4; 3 før 2023).",
            "Of #29 at the date: with a care plan open.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": _D, "med": "e.tiltak_d AND e.omsorg_d"},
        **{"teller": "IF(e.plan4, 1, 0)", "nevner": "1", "corresponds": "KHR"},
    ),
    _f(
        *(40, "barn_tiltak_plan_total", "Barn med tiltak per 31.12 med plan", "Any plan at 31 December"),
        ("Av barn i #27 per 31.12: med åpen plan (1-5).", "Of #27 at 31 December: with a plan open (1-5)."),
        **{"family": "barn", "unit": "BARN", "periods": _D, "med": "e.tiltak_d AND ENDS_WITH(e.periode, 'H2')"},
        only="H2",
        **{"teller": "IF(e.plan, 1, 0)", "nevner": "1", "corresponds": "KOSTRA"},
    ),
    _f(
        *(41, "plan_evaluert", "Barn med evaluert tiltaksplan", "Plan evaluated"),
        (
            "Av barn i #30 ved periodens slutt med tiltaksplan (1) uten opphold i minst 3 måneder: evaluert i perioden.",
            "Of #30 at the end of the period with a plan (1) without a gap for 3 months: evaluated in the period.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": ("H",), "corresponds": "KHR; KM 3F"},
        med="e.tiltak_d AND NOT e.omsorg_d AND e.plan1_lenge",
        **{"teller": "IF(e.evaluert, 1, 0)", "nevner": "1"},
    ),
    _f(
        *(42, "us_plan", "Undersøkelsesplan", "Investigation plan"),
        (
            "Av undersøkelser i perioden: med undersøkelsesplan (7, 8) som begynte innen undersøkelsen var slutt.",
            "Of investigations in the period: with a plan (7, 8) begun before the investigation ended.",
        ),
        **{"family": "undersokelse", "unit": "HENDELSE", "periods": ("H",), "med": _ACTIVE, "valid_from": 2023},
        **{"teller": "IF(e.har_plan, 1, 0)", "nevner": "1"},
    ),
    *(
        figure
        for who, number, nb, en, where in (
            ("oppfolging", 43, "oppfølging", "follow-up", "Avgiver"),
            ("tilsyn", 46, "tilsyn", "supervision", "Tilsyn/Ansvarlig/@Kommunenummer, ellers Avgiver"),
        )
        for figure in (
            _f(
                *(number, f"{who}_krav", f"Fosterbarn med krav på {nb}", f"Foster children due {en}"),
                (
                    f"Barn i fosterhjem (2.1-2.4, 2.6, 2.99) i minst ett år ved periodens slutt. Kommune: {where}.",
                    "Children in a foster home for at least a year at the end of the period.",
                ),
                **{"family": "oppfolging", "unit": "BARN", "periods": ("H",), "med": f"e.art = '{who}_krav'"},
                **{"corresponds": "KHR", "source": "statistics 1.2"},
            ),
            _f(
                *(number + 1, f"{who}_ikke_oppfylt", f"Krav om {nb} ikke oppfylt", f"Requirement of {en} not met"),
                (
                    "Av dem: med færre besøk de siste 365 dagene enn hyppigheten krever.",
                    "Of those: with fewer visits in the last 365 days than are required.",
                ),
                **{"family": "oppfolging", "unit": "BARN", "periods": ("H", "R"), "med": f"e.art = '{who}_krav'"},
                **{"teller": "IF(e.brudd, 1, 0)", "nevner": "1", "corresponds": "KHR; KM 3B, 3D"},
                source="statistics 1.2",
            ),
            _f(
                *(number + 2, f"{who}_besok", f"Besøk: {nb}", f"Visits: {en}"),
                ("Utførte besøk i perioden.", "Visits made in the period."),
                **{"family": "oppfolging", "unit": "HENDELSE", "periods": _HY},
                **{"med": f"e.art = '{who}_besok'", "corresponds": "KHR"},
            ),
        )
    ),
    _f(
        *(49, "ettervern_tilbud", "Tilbud om ettervern", "Aftercare offers"),
        ("Ettervern med TilbudSendtDato i perioden.", "Aftercare offered in the period."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HY, "med": f"e.art = 'E' AND {_STARTED}"},
        corresponds="KHR",
    ),
    _f(
        *(50, "ettervern_svar", "Ettervern etter svar", "Aftercare by answer"),
        ("Ettervern med Konklusjon i perioden; andelen er kode 1.", "Aftercare concluded; the share is of code 1."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HY, "med": f"e.art = 'S' AND {_STARTED}"},
        **{"teller": "IF(e.kode = '1', 1, 0)", "nevner": "1", "kodeteller": "1", "koder": "[e.kode]"},
        **{"kodeliste": "EttervernKonklusjon", "corresponds": "KHR"},
    ),
    _f(
        *(51, "barn_ettervern", "Unge 18 år og over med tiltak", "Young adults with measures"),
        ("Barn i #26 eller #27 som har fylt 18 år.", "Of #26 or #27, those aged 18 or over."),
        **{"family": "barn", "unit": "BARN", "periods": _HYD, "med": f"{_ANY} AND e.alder >= 18"},
        **{"corresponds": "SSB", "breaks": (_BREAK_A,)},
    ),
    _f(
        *(52, "flyttinger", "Flyttinger fra plassering", "Moves"),
        (
            "Flyttinger i perioden: FOSTERHJEM (1.*), INSTITUSJON (2.*), USTABIL (uten 1.3 og uten flytting til 9).",
            "Moves in the period: from foster homes, institutions; USTABIL leaves out 1.3 and moves to 9.",
        ),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HYR, "med": f"e.art = 'F' AND {_STARTED}"},
        koder="[IF(STARTS_WITH(e.kode, '1.'), 'FOSTERHJEM', 'INSTITUSJON'), "
        "IF(e.kode != '1.3' AND e.kode2 != '9', 'USTABIL', NULL)]",
        corresponds="StatBank 13353",
    ),
    _f(
        *(53, "brudd_fosterhjem", "Utilsiktede flyttinger", "Unplanned breakdowns"),
        (
            "Av barn i fosterhjem i året: med flytting av årsak 1.1.3, 1.1.4, 1.2.1, 1.2.2 eller 1.2.3.",
            "Of children in foster homes in the year: moved for 1.1.3, 1.1.4, 1.2.1, 1.2.2 or 1.2.3.",
        ),
        **{"family": "barn", "unit": "BARN", "periods": ("Y",), "med": "e.fosterhjem"},
        **{"teller": "IF(e.brudd, 1, 0)", "nevner": "1", "corresponds": "Bufdir"},
    ),
    _f(
        *(54, "opphevelse", "Opphør av omsorgstiltak", "End of care"),
        ("Omsorgstiltak avsluttet i året, etter Opphevelse.", "Care measures ended in the year, by Opphevelse."),
        **{"family": "tiltak", "unit": "HENDELSE", "periods": ("Y",), "med": f"e.omsorg AND {_CONCLUDED}"},
        **{"koder": "[e.opphevelse]", "kodeliste": "TiltakOpphevelse", "corresponds": "SSB"},
    ),
    _f(
        *(55, "oversendelser_nemnd", "Oversendelser til nemnd", "Petitions to the board"),
        ("Oversendelser med StartDato i perioden.", "Petitions with StartDato in the period."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HY, "med": f"e.art = 'O' AND {_STARTED}"},
        **{"koder": "[e.kode]", "corresponds": "KHR", "breaks": (_BREAK_L,)},
    ),
    _f(
        *(56, "private_krav", "Private krav", "Private claims"),
        ("Krav med StartDato i perioden, etter konklusjon.", "Claims with StartDato in the period, by conclusion."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HY, "med": f"e.art = 'K' AND {_STARTED}"},
        **{"koder": "[e.kode]", "kodeliste": "VedtakKravKonklusjon", "corresponds": "KHR"},
    ),
    _f(
        *(57, "vedtak_fattet", "Vedtak fattet", "Decisions made"),
        ("Vedtak med StartDato i perioden og første status 1.", "Decisions of the period whose first status is 1."),
        **{"family": "vedtak", "unit": "HENDELSE", "periods": _HY, "koder": "[e.kode2]", "kodeliste": "Lov"},
        med=f"e.art = 'V' AND e.forste = '1' AND {_STARTED}",
    ),
    _f(
        *(58, "nye_saker", "Nye saker", "New cases"),
        ("Saker med StartDato i perioden, uten MigrertId.", "Cases with StartDato in the period and no MigrertId."),
        **{"family": "sak", "unit": "SAK", "periods": _HY, "med": f"e.migrert_id IS NULL AND {_STARTED}"},
        identities=("H1 + H2 = Y",),
    ),
    _f(
        *(59, "apne_saker", "Åpne saker per dato", "Open cases at a date"),
        ("Saker som er åpne ved utgangen av datoen.", "Cases open at the end of the day."),
        **{"family": "sak", "unit": "SAK", "periods": _D, "med": _OPEN, "corresponds": "migreringsrapporten"},
    ),
    _rate("Barn med melding", "barn_med_melding", "e.melding", ("Y",)),
    _rate("Undersøkelser startet", "us_startet", _STARTED, ("Y",), family="undersokelse"),
    _rate("Barn med undersøkelse", "barn_med_us", "e.undersokt", ("Y",)),
    _rate("Barn med tiltak i året", "barn_tiltak_aar", "e.tiltak", ("Y",), band="F000-024"),
    _rate("Barn med tiltak", "barn_tiltak_dato", "e.tiltak_d", _D, band="F000-024"),
    _rate("Barn med omsorgstiltak", "barn_omsorgstiltak", f"{_ANY} AND {_CARE}", ("Y", "D"), band="F000-024"),
    _rate("Barn med plasseringstiltak", "barn_plassert_dato", "e.plassert_d", _D, band="F000-024"),
)


def of(family: str) -> list[Figure]:
    """The figures of a family."""
    return [figure for figure in FIGURES if figure.family == family]


FAMILIES = {
    "melding": ("Meldinger", "Reports"),
    "undersokelse": ("Undersøkelser", "Investigations"),
    "barn": ("Barn", "Children"),
    "tiltak": ("Tiltak", "Measures"),
    "oppfolging": ("Oppfølging og tilsyn", "Follow-up and supervision"),
    "vedtak": ("Vedtak, ettervern og flytting", "Decisions, aftercare and moves"),
    "sak": ("Saker", "Cases"),
}
__all__ = ["FAMILIES", "FIGURES", "listed", "of"]
