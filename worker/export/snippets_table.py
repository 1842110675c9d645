"""The Python texts on the cards of models that recommend."""

from worker.modeling.nets import source_of, two_tower

_RECOMMEND = '''
config = json.load(open("config.json", encoding="utf-8"))
users, items = config["users"], config["items"]
model = TwoTower(len(users), len(items), config["width"], config["longest"])
model.load_state_dict(load_file("model.safetensors"))
model.eval()


def recommend(user, count=10):
    """Return (item, score) of what a user has not chosen yet, the best first."""
    number = users.index(user)
    with torch.inference_mode():
        everything = torch.arange(len(items))
        scores = model(torch.tensor([number]), everything, torch.tensor([-1]))[0, 0]
        seen = model.history[number]
        scores[seen[seen >= 0]] = -torch.inf
    best = scores.topk(count)
    return [(items[place], float(score)) for score, place in zip(*best)]


def recommend_for(chosen, count=10):
    """Return the same for somebody new, of whom only some choices are known."""
    places = torch.tensor([items.index(item) for item in chosen])
    with torch.inference_mode():
        vector = model.user_tower.from_items(model.item_tower(places).mean(0))
        scores = model.item_tower.vectors.weight @ vector + model.item_tower.bias.weight[:, 0]
        scores[places] = -torch.inf
    best = scores.topk(count)
    return [(items[place], float(score)) for score, place in zip(*best)]
'''


def recommendation_snippet() -> str:
    """Return the code; it reads `config.json` and `model.safetensors` from the current folder."""
    heading = ["import json", "", "from safetensors.torch import load_file"]
    return "\n".join([*heading, source_of(two_tower)]) + _RECOMMEND
