"""How each of our own faults must end at each step, and what a reader gets meanwhile. ``-``: it cannot happen there.

``a/b`` is without and with rotation in the first table; in the second, a reader whose token has expired and one whose
token still lives.
"""

import re

#: fresh: the very try came through · due: nothing lost, and the next try did · dead: rightly marked at once or by the
#: next try · late: marked once no answer can still be on its way · LOSTn: stated limit n of architecture.md.
SCHEDULE = """
                          lease  unseal  data key  secret  HubSpot    breaker  mark  settle  commit     rescue
throttled once            due    due     due       due     -          dead     dead  due     fresh      fresh
throttled for 20 s        due    due     due       due     -          dead     dead  due     fresh      fresh
throttled to the end      due    due     due       due     -          dead     dead  due     fresh      due/LOST3
internal error            due    due     due       due     -          dead     dead  due     fresh      due/LOST3
refused                   due    due     due       due     -          dead     dead  due     fresh      due/LOST3
write conflict            due    -       -         -       -          dead     dead  due     fresh      -
no answer                 due    due     due       due     -          dead     dead  due     fresh      due/LOST3
answer garbled            due    due     due       due     -          dead     dead  due     fresh      due/LOST3
answer lost               due    -       -         -       -          dead     dead  due     fresh      fresh
answer lost, asked again  fresh  -       -         -       -          dead     dead  due     fresh      fresh
slow                      due    due     due       due     fresh      dead     dead  due     fresh      fresh
stalled before            fresh  fresh   fresh     fresh   fresh      late     late  due     fresh      fresh
stalled after             fresh  fresh   fresh     fresh   fresh      late     dead  due     fresh      fresh
out of time               due    due     due       due     fresh      dead     dead  due     fresh      fresh
killed before             due    due     due       due     due        late     late  due     due/LOST2  due/LOST2
killed after              due    due     due       due     due/LOST2  late     dead  due     fresh      fresh
"""

#: token, the status of a problem (503, 409), 500 for a crash that rings the alarm, or killed: the process is dead.
READER = """
                          read    state      lease      unseal       data key   secret     HubSpot      breaker    mark       settle     commit  rescue
throttled once            503     503/token  503/token  503          503/token  503/token  -            503/token  503/token  503/token  token   token
throttled to the end      503     503/token  503/token  503          503/token  503/token  -            503/token  503/token  503/token  token   token
internal error            503     503/token  503/token  503          503/token  503/token  -            503/token  503/token  503/token  token   token
refused                   500     500        500        503          503/token  503/token  -            500        500        500        token   token
write conflict            -       -          503/token  -            -          -          -            503/token  503/token  503/token  token   -
no answer                 503     503/token  503/token  503          503/token  503/token  -            503/token  503/token  503/token  token   token
answer garbled            503     503/token  503/token  503          503/token  503/token  -            503/token  503/token  503/token  token   token
answer lost               -       -          503/token  -            -          -          -            503/token  409        503/token  token   token
answer lost, asked again  -       -          token      -            -          -          -            409        409        503/token  token   token
slow                      token   token      503/token  token        503/token  503/token  token        409        409        503/token  token   token
stalled before            token   token      token      token        503/token  503/token  token        503/token  503/token  503/token  token   token
stalled after             token   token      503/token  token        503/token  503/token  token        503/token  409        503/token  token   token
out of time               503/token  503/token  503/token  503/token  503/token  503/token  token       409        409        503/token  token   token
killed before             killed  killed     killed     killed       killed     killed     killed       killed     killed     killed     killed  killed
killed after              killed  killed     killed     killed       killed     killed     killed       killed     killed     killed     killed  killed
"""  # noqa: E501 - a table


#: The steps of both, in their order.
STEPS = (
    "read",
    "state",
    "lease",
    "unseal",
    "data key",
    "secret",
    "HubSpot",
    "breaker",
    "mark",
    "settle",
    "commit",
    "rescue",
)


def cells(table: str) -> dict[tuple[str, str], tuple[str, str]]:
    """(fault, step) -> the two sides of the cell; without those that cannot happen."""
    header, *rows = (re.split(r"\s{2,}", line.rstrip()) for line in table.strip("\n").splitlines())
    return {
        (name, step): (cell.partition("/")[0], cell.rpartition("/")[2])
        for name, *row in rows
        for step, cell in zip(header[1:], row, strict=True)
        if cell != "-"
    }
