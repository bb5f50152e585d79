"""Ready sets of labels, in both languages."""

SETS = {
    "everyday": (
        "dog, cat, bird, fish, insect, wild animal, food, drink, plant, vehicle, building, furniture, clothing, tool, "
        "toy, musical instrument, sports equipment, electronic device",
        "狗、猫、鸟、鱼、昆虫、野生动物、食物、饮料、植物、交通工具、建筑、家具、衣服、工具、玩具、乐器、体育用品、电子设备",
    ),
    "animals": (
        "dog, house cat, wild cat, bear, monkey, elephant, horse, cow, sheep, rabbit, bird, fish, snake, lizard, "
        "turtle, frog, insect, spider, crab",
        "狗、家猫、野生猫科动物、熊、猴子、大象、马、牛、羊、兔子、鸟、鱼、蛇、蜥蜴、龟、青蛙、昆虫、蜘蛛、螃蟹",
    ),
    "vehicles": (
        "car, bus, truck, bicycle, motorcycle, train, airplane, boat, tractor, fire engine, ambulance",
        "小汽车、公共汽车、卡车、自行车、摩托车、火车、飞机、船、拖拉机、消防车、救护车",
    ),
    "food": (
        "fruit, vegetable, bread, pizza, hamburger, soup, ice cream, cake, meat, coffee, wine",
        "水果、蔬菜、面包、披萨、汉堡、汤、冰淇淋、蛋糕、肉、咖啡、葡萄酒",
    ),
    "home": (
        "chair, table, sofa, bed, lamp, bookcase, television, computer, refrigerator, washing machine, bathtub, "
        "cup, clock",
        "椅子、桌子、沙发、床、灯、书架、电视、电脑、冰箱、洗衣机、浴缸、杯子、时钟",
    ),
}


def labels_of(name: str, language: str) -> str:
    """The labels of a set as a visitor would type them; "imagenet" is the empty field."""
    return "" if name == "imagenet" else SETS[name][language == "zh"]
