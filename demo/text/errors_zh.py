"""引擎的每一句拒绝，用中文说。代码与占位符同 ``mmcore.errors.SENTENCES``。"""

SENTENCES = {
    # 输入
    "file_missing": "{name} 已经不在了，请重新上传。",
    "file_empty": "{name} 是空文件（0 字节），请换一个。",
    "file_too_large": "{name} 有 {size_mb:.0f} MB，上限是 {limit_mb:.0f} MB。请截短或压缩。",
    "file_is_folder": "{name} 是文件夹，请选择一个文件。",
    "not_uploaded": "{name} 不是上传的文件。只读取上传的文件和 base64 数据，不接受路径或链接。",
    "not_an_image": "{name} 不是能读的图片。请使用 JPEG、PNG、WebP、GIF、BMP 或 TIFF。",
    "not_media": "{name} 不是能读的音频或视频。请使用 MP4、WebM、MKV、MOV、MP3、WAV、FLAC 或 OGG。",
    "broken_media": "{name} 已损坏，读不出来。请重新导出，或换一个文件。",
    "no_streams": "{name} 里既没有声音也没有画面，请换一个文件。",
    "too_many_pixels": "{name} 有 {megapixels:.0f} 百万像素，上限是 {limit:.0f} 百万。请缩小后再试。",
    "too_long": "{name} 长 {minutes:.0f} 分钟，上限是 {limit:.0f} 分钟。请剪短后再试。",
    "no_file": "请先放入一个文件：拖入、粘贴，或点一个示例。",
    "one_label": "只有一个标签，结果永远是 100 %。请再加一个，例如“其他”。",
    "too_many_labels": "共 {count} 个标签，上限是 {limit} 个。请删掉一些，或选择 ImageNet 的类别。",
    "label_too_long": "有一个标签长 {length} 个字符，上限是 {limit}。标签只要几个字。",
    "text_too_long": "文字有 {length:,} 个字符，上限是 {limit:,}。请缩短。",
    "empty_prompt": "请写下问题，或加一个文件。",
    "too_many_files": "一条消息里有 {count} 个文件，上限是 {limit} 个。其余的请放到下一条消息。",
    "context_full": "这段对话有 {tokens:,} 个词元，{model} 最多容纳 {limit:,} 个。请开始新对话，或缩短内容。",
    "bad_option": "{option} 必须是 {allowed}，而不是 {value}。",
    "not_written": "无法写入 {name}（{reason}），请换一个位置。",
    "not_transcribed_language": "{model} 没有名为 {language} 的语言代码。请使用 en、zh、fr 之类的代码。",
    "not_taken": "{model} 不接受{kind}。请移除该文件，或换一个接受的模型。",
    "cannot_translate": "{model} 只能转写。请关闭翻译，或选择 Whisper 模型。",
    # 模型
    "unknown_model": "没有名为 {name} 的模型。可选：{choices}。",
    "wrong_task": "{name} 用于 {task}，不用于 {wanted}。可选：{choices}。",
    "does_not_fit": (
        "{name} 需要 {need_gib:.1f} GiB 内存，而 {budget_gib:.1f} GiB 的额度里只能腾出 {free_gib:.1f} GiB。"
        "请选小一点的模型，或调高 MM_BUDGET_GIB。"
    ),
    "memory_in_use": (
        "{name} 需要 {need_gib:.1f} GiB 内存，而 {budget_gib:.1f} GiB 的额度里只能腾出 {free_gib:.1f} GiB，"
        "其余正由 {held} 使用。请等它用完再试，或选小一点的模型。"
    ),
    "load_failed": "{name} 无法加载（{reason}）。请再试一次，或换一个模型。",
    "damaged_file": "{name} 的 {file} 缺失或已损坏，来源处也是如此。请换一个模型。",
    "unknown_class": "已安装的库不认识 {name} 的类型（{kind}）。请换一个模型。",
    "other_task": "{name} 的类型（{kind}）用于别的任务。请选择适合此任务的模型。",
    "out_of_memory": "{name} 处理这些内容时内存不足，缩小后仍然不够。请缩短内容，或换小一点的模型。",
    "no_memory_to_load": "{name} 无法载入：内存不足。请释放其他模型，或选择更小的模型。",
    "model_failed": "{name} 运行出错。请再试一次，或换一个模型。",
    "summary_not_kept": "{name} 写的总结超出了找到的内容、有重复，或语言不对，因此改用由事实拼成的总结。",
    "model_busy": "{name} 正忙于回答其他人，请稍后再试。",
    "bad_models_file": "{name} 里的模型条目读不出来：{reason}。",
    "no_models_file": "没有存放自选模型的文件。请把 MM_MODELS_FILE 设为一个文件，然后重新启动。",
    "operator_only": "只有本页面的管理者可以这样做。运行本页面的人以 MM_OPERATOR=1 启动即可允许。",
    # 权重
    "loaded_at_start": "在 ZeroGPU 上，模型在 Space 启动时载入。请在相应的标签页中选择模型。",
    "no_network": "无法下载 {name}：没有软件包索引应答。请检查网络，或把文件复制到 MM_CACHE_DIR。",
    "no_such_package": "无法下载 {name}：软件包索引里没有 {package}。",
    "no_disk": "{name} 需要 {need_mb:.0f} MB 磁盘空间，只剩 {free_mb:.0f} MB。请腾出一些，或设置 MM_CACHE_DIR。",
    "wrong_checksum": "{name} 的 {file} 不是预期的文件（校验和不符）。它已被删除，请再试一次。",
    "missing_in_source": "在 {source} 里没有找到 {name} 的 {file}。",
    "wrong_in_source": "{source} 里 {name} 的 {file} 不是预期的文件（校验和不符），请换掉它。",
    "pip_failed": "无法下载 {name}：pip 在 {package} 上出错，详情见日志。",
    "no_pip": "无法下载 {name}：当前的 Python 没有安装 pip。请安装后再试。",
    # 模型站
    "bad_repo_name": "这不是仓库的名称。请写成 owner/name，例如 Qwen/Qwen3-VL-2B-Instruct。",
    "bad_revision": "这不是版本。请写仓库的分支、标签或提交，例如 main。",
    "no_such_repo": "模型站上没有仓库 {name}，或者它是私有的。请检查名称；私有仓库需要 HF_TOKEN。",
    "no_such_revision": "{name} 在模型站上没有版本 {revision}。请换一个，例如 main。",
    "revision_moved": "{name} 在下载期间在模型站上被更改了。请再试一次。",
    "gated_repo": (
        "{name} 只提供给接受其许可证的人。请在模型站的页面上接受许可证，把 HF_TOKEN 设为该账号的令牌，然后重新启动。"
    ),
    "no_access": "模型站拒绝提供 {name}。请检查 HF_TOKEN 是否有效、是否有权读取。",
    "pickle_only": "{name} 的权重只有 pickle 文件，而 pickle 可以运行代码。请选择有 safetensors 或 GGUF 文件的仓库。",
    "no_such_weights": "{name} 没有 {kind} 权重。请换一个仓库。",
    "remote_code": "{name} 需要运行它自带的代码，本应用不运行这类代码。请换一个仓库。",
    "bad_config": "{name} 的 config.json 无法读取：它不是 JSON 对象，或者大于 {limit_mb:.0f} MB。请换一个仓库。",
    "wrong_repo_task": "{name} 用于 {found}，不用于 {wanted}。请换一个仓库。",
    "larger_than_disk": (
        "{name} 需要下载 {need_gb:.1f} GB，磁盘只剩 {free_gb:.1f} GB。请腾出一些，或把 MM_CACHE_DIR 设到另一个磁盘。"
    ),
    "hub_unreachable": "无法下载 {name}：模型站没有正常应答。请检查网络或 HF_ENDPOINT，或选择内置模型。",
    "hub_offline": "本机没有 {name}，而 HF_HUB_OFFLINE 已设置。请取消该设置，或选择本机已有的模型。",
    "hub_busy": "模型站繁忙，要求等待。请过几分钟再试 {name}。",
    "no_checksum": "无法校验 {name} 的 {file}：模型站没有给出校验和。请换一个 HF_ENDPOINT。",
    "precision_does_not_fit": (
        "{name} 即使用 {precision} 也需要 {need_gib:.1f} GiB，只能腾出 {free_gib:.1f} GiB。请选择更小的模型。"
    ),
    "convert_failed": "{name} 已下载，但转换失败（{reason}）。请再试一次。",
    "cache_unwritable": "缓存文件夹无法写入。请把 MM_CACHE_DIR 设为可以写入的文件夹。",
    # 停止
    "stopped": "已停止。",
}
