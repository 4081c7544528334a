"""Which names belong to which part, so that what is measured was never seen in development or in training."""

PARTS = ["dev", "trial", "second", "test"]

COMPOUND = {
    "dev": ["欧阳", "司马", "上官"],
    "trial": ["诸葛", "慕容", "令狐", "端木", "皇甫"],
    "second": ["东方", "夏侯", "尉迟", "公孙", "长孙"],
    "test": ["宇文", "轩辕", "闻人", "呼延", "申屠"],
}
RARE_GIVEN = {
    "dev": ["芷若", "懿", "昊霖"],
    "trial": ["沁禾", "钰涵", "骁", "泓睿", "妤彤", "峥", "曦月", "栩"],
    "second": ["屹楠", "葳蕤", "予安", "砚", "弋", "霁月", "稷", "知行"],
    "test": ["攸宁", "屿", "砺之", "疏影", "鹤鸣", "澍", "衔蝉", "望舒"],
}


def part_of(given: str) -> str:
    """Given names are dealt out by their code points, so that none is in two parts."""
    return PARTS[sum(map(ord, given)) % len(PARTS)]
