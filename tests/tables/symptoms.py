"""What somebody types who has one of the usual troubles, and the pages that end it.

The troubles are cases that people asked about in public, and the usual misconceptions. Each is
asked in two ways or more, in the words of a message, with the number seen or the name of an
argument: {the trouble: (answers, questions)}. Any of the answers among the first three hits does.
"""

from tests.tables.queries import CALIBRATION, FRAMEWORKS, PYTORCH, VALUES, WEIGHTS

SYMPTOMS = {
    # Public cases.
    "probability rounded above one": (
        [PYTORCH, VALUES],
        [
            "BCELoss assertion failed probabilities 1.0000001192092896",
            "probability slightly above one",
            "softmax output greater than 1 rounding error bceloss",
        ],
    ),
    "metric guesses logits by range": (
        [CALIBRATION],
        [
            "torchmetrics accuracy wrong when passing logits",
            "torchmetrics applies sigmoid automatically outside [0,1]",
        ],
    ),
    "booster start and raw output": (
        [FRAMEWORKS],
        [
            "lightgbm init_score",
            "lightgbm custom objective differs from built-in binary",
            "xgboost base_score custom objective predict returns margin",
        ],
    ),
    "neg log loss": (
        [CALIBRATION],
        [
            "cross_val_score neg_log_loss nan",
            "why is neg_log_loss negative sklearn",
            "y_true and y_pred contain different number of classes 3, 2",
        ],
    ),
    "weighted training plain validation": (
        [VALUES],
        [
            "class_weight training loss much higher than validation loss keras",
            "val_loss ignores class_weight",
        ],
    ),
    "threshold half on logits": (
        [VALUES, CALIBRATION],
        [
            "accuracy low bcewithlogitsloss output > 0.5",
            "do I need sigmoid before threshold BCEWithLogitsLoss predict",
        ],
    ),
    "log loss eps removed": (
        [CALIBRATION],
        [
            "log_loss() got an unexpected keyword argument 'eps'",
            "sklearn log_loss eps 1e-15 deprecated",
        ],
    ),
    "ignored class stays in softmax": (
        ["which_call", "glossary"],
        [
            "remove a class from softmax mask logits -inf",
            "ignore_index 0 still in softmax denominator",
        ],
    ),
    "imbalance vocabulary": (
        [WEIGHTS],
        [
            "is_unbalance",
            "unbalanced dataset binary classification loss",
            "scale_pos_weight xgboost",
        ],
    ),
    "torchscript twin": (
        ["api/torch_losses"],
        [
            "torch.jit.script loss function",
            "torch.jit.trace loss",
        ],
    ),
    "one channel cross entropy": (
        ["shapes", "softmax_and_equivalence"],
        [
            "DiceCELoss cross entropy always 0 one channel",
            "nn.CrossEntropyLoss returns 0 single output",
        ],
    ),
    "labels one and two": (
        ["shapes", "which_call"],
        [
            "labels are 1 and 2 instead of 0 and 1",
            "binary classes coded 1 2",
        ],
    ),
    "predict proba two columns": (
        ["shapes", "which_call"],
        [
            "predict_proba returns two columns log loss shape (N, 2)",
            "predict_proba[:, 1]",
        ],
    ),
    "object dtype labels": (
        ["shapes"],
        [
            "can't convert np.ndarray of type numpy.object_ labels",
            "pandas Int64 nullable label column dtype object loss",
        ],
    ),
    "runtimewarning text": (
        [VALUES, "logits", "mistakes/ends", "mistakes"],
        [
            "RuntimeWarning: invalid value encountered in multiply",
            "RuntimeWarning: divide by zero encountered in log numpy logistic regression cost nan",
        ],
    ),
    "negative sample weights": (
        [VALUES, "glossary"],
        [
            "negative event weights classifier training",
            "sample_weight negative loss unbounded",
        ],
    ),
    "soft labels in boosters": (
        [FRAMEWORKS, "glossary"],
        [
            "soft labels sklearn",
            "lightgbm probability labels between 0 and 1 objective cross_entropy",
            "catboost Logloss target soft labels CrossEntropy",
        ],
    ),
    "gan loss level": (
        ["bce_in_disguise", VALUES],
        [
            "GAN discriminator loss 0.69",
            "what should discriminator loss be at equilibrium",
            "discriminator loss goes to zero",
        ],
    ),
    "focal gamma below one": (
        ["focal_loss"],
        [
            "focal loss nan gamma 0.5",
            "focal loss gradient nan pow backward",
        ],
    ),
    "focal gamma zero": (
        ["focal_loss"],
        [
            "focal loss gamma=0 nan",
            "focal loss gamma 0 should equal bce",
        ],
    ),
    "smoothing wrong formula": (
        ["soft_targets"],
        [
            "label smoothing formula binary eps/2",
            "label smoothing target 1.15 greater than 1",
        ],
    ),
    "smoothing with ignored rows": (
        ["api/categorical", WEIGHTS, "soft_targets"],
        [
            "label_smoothing with ignore_index wrong loss",
            "label smoothing counts padding ignored tokens",
        ],
    ),
    "jvp at minus inf": (
        ["floating_point", FRAMEWORKS, "api/torch_losses"],
        [
            "-inf logits masked class gradient nan",
            "forward mode jvp cross entropy nan",
        ],
    ),
    "rows of zeros": (
        [CALIBRATION],
        [
            "The y_pred values do not sum to one",
            "predict_proba row of zeros log loss",
        ],
    ),
    "temperature one logit": (
        [CALIBRATION],
        [
            "temperature scaling binary sigmoid single logit",
            "calibrate neural network temperature binary classifier",
        ],
    ),
    "accumulated loss grows": (
        [WEIGHTS, VALUES],
        [
            "loss scales with gradient_accumulation_steps",
            "huggingface trainer loss too high gradient accumulation",
        ],
    ),
    "small last batch": (
        [WEIGHTS],
        [
            "pytorch lightning epoch loss average last batch smaller",
            "drop_last average loss per epoch wrong",
        ],
    ),
    "positives per gpu": (
        ["beyond_one_machine"],
        [
            "normalize loss by number of positives across GPUs all_reduce",
            "num_boxes reduce world size loss",
        ],
    ),
    "log base two": (
        ["questions_and_probabilities", "entropy_and_divergence"],
        [
            "fairseq loss base 2 perplexity",
            "perplexity exp(loss) or 2**loss",
        ],
    ),
    "pos weight parenthesis": (
        ["cheat_sheet", "write_your_own_loss", "mistakes/counts"],
        [
            "weighted_cross_entropy_with_logits formula",
            "implement pos_weight by hand stable formula",
        ],
    ),
    "soft labels log loss": (
        [CALIBRATION, "glossary", FRAMEWORKS],
        [
            "continuous is not supported log_loss",
            "Unknown label type: continuous sklearn log_loss soft",
        ],
    ),
    "arguments swapped one label": (
        [CALIBRATION],
        [
            "log_loss([1],[0])",
            "y_true contains only one label (1). Please provide "
            "the true labels explicitly through the labels argument.",
        ],
    ),
    "compiled range check": (
        [PYTORCH, "api/torch_losses"],
        [
            "torch.compile no error target out of range",
            "torch.compile bce target 1.5",
        ],
    ),
    "compiled dtype": (
        ["api/torch_losses", "write_your_own_loss", PYTORCH],
        [
            "bfloat16 input float32 weight dtype of loss",
            "torch.compile output dtype differs from eager",
        ],
    ),
    "pos weight at inference": (
        [WEIGHTS, "cheat_sheet"],
        [
            "undo pos_weight at inference",
            "pos_weight probabilities too high after training",
        ],
    ),
    "class without samples": (
        ["many_questions"],
        [
            "pos_weight division by zero class with no positives",
            "class weights inf zero samples",
        ],
    ),
    "smoothing log of zero": (
        ["entropy_and_divergence", "soft_targets"],
        [
            "label smoothing KLDivLoss inf",
            "cross entropy inf when predicted probability 0 soft target",
        ],
    ),
    "masked nan labels": (
        [WEIGHTS],
        [
            "nan labels masked loss gradient still nan",
            "multiply loss by mask nan backward",
        ],
    ),
    "ignore 255 unreduced": (
        [WEIGHTS, VALUES],
        [
            "ignore_index=255 reduction none",
            "Target 255 is out of bounds.",
        ],
    ),
    "mask normalised to pm1": (
        ["shapes", VALUES, "soft_targets", "mistakes/labels"],
        [
            "unet loss negative mask values -1 to 1",
            "dice bce loss negative segmentation",
        ],
    ),
    # The usual misconceptions.
    "BCELoss has no sigmoid": (
        [PYTORCH, VALUES],
        [
            "does nn.BCELoss include sigmoid",
            "RuntimeError: all elements of input should be between 0 and 1",
        ],
    ),
    "two sigmoids": (
        ["logits", VALUES, PYTORCH],
        [
            "sigmoid in last layer with BCEWithLogitsLoss",
            "loss won't go below 0.3133",
            "applied sigmoid twice",
        ],
    ),
    "two softmaxes": (
        [PYTORCH, "softmax_and_equivalence"],
        [
            "softmax before CrossEntropyLoss",
            "nn.CrossEntropyLoss with softmax output loss stuck",
        ],
    ),
    "accuracy of another metric": (
        ["training_a_network"],
        [
            "keras metrics accuracy binary_crossentropy multi class too high",
            "why binary_crossentropy better accuracy than categorical_crossentropy",
        ],
    ),
    "a column against a row": (
        ["shapes"],
        [
            "Using a target size (torch.Size([32])) that is different "
            "to the input size (torch.Size([32, 1]))",
            "logits and labels must have the same shape (None, 1) vs (None,)",
        ],
    ),
    "squeeze in the last batch": (
        ["shapes"],
        [
            "squeeze() batch size 1 error",
            "last batch of size one shape torch.Size([])",
        ],
    ),
    "integer labels": (
        [PYTORCH, VALUES, "shapes"],
        [
            "RuntimeError: Found dtype Long but expected Float",
            "expected scalar type Float but found Long",
            "result type Float can't be cast to Long",
        ],
    ),
    "BCELoss after a sigmoid is another loss": (
        ["logits", PYTORCH, "floating_point", VALUES],
        [
            "BCELoss(sigmoid(x)) not equal BCEWithLogitsLoss(x)",
            "sigmoid returns exactly 1.0 float32",
            "BCELoss returns 100",
        ],
    ),
    "an epsilon or a clip": (
        ["floating_point", "jacobian", PYTORCH, "mistakes/ends"],
        [
            "log(p + 1e-8) numerical stability",
            "np.clip(p, 1e-7, 1 - 1e-7) gradient zero",
            "epsilon in float16 log",
        ],
    ),
    "an infinite logit": (
        ["floating_point", FRAMEWORKS],
        [
            "BCEWithLogitsLoss inf input nan",
            "logits inf nan loss",
        ],
    ),
    "the derivative at zero": (
        ["logits", "checking_a_gradient", "mistakes/derivatives"],
        [
            "torch.clamp max(x,0) - x*z + log(1+exp(-abs(x))) gradient at zero wrong",
            "gradient wrong at zero initialisation logits 0",
        ],
    ),
    "PyTorch's own loss is not symmetric": (
        ["floating_point", "write_your_own_loss"],
        [
            "binary_cross_entropy_with_logits returns 0 for -20",
            "logsigmoid precision loss large negative",
        ],
    ),
    "weight or pos_weight": (
        [WEIGHTS],
        [
            "weight vs pos_weight BCEWithLogitsLoss",
            "pos_weight for imbalanced dataset how to compute",
        ],
    ),
    "pos_weight of images": (
        [WEIGHTS],
        [
            "pos_weight segmentation shape must match tensor b at non-singleton dimension 3",
            "The size of tensor a (4) must match the size of tensor "
            "b (3) at non-singleton dimension 3 pos_weight",
        ],
    ),
    "denominators": (
        [WEIGHTS, FRAMEWORKS],
        [
            "CrossEntropyLoss weight reduction mean divides by sum of weights",
            "sklearn log_loss sample_weight vs torch weight different",
        ],
    ),
    "class weights and probabilities": (
        [WEIGHTS, "mistakes/counts"],
        [
            "class weights probabilities not calibrated",
            "predicted probabilities too high after class_weight balanced",
        ],
    ),
    "the mean of batch means": (
        [WEIGHTS, "training_a_network"],
        [
            "average loss over epoch running_loss / len(loader)",
            "keras reported loss differs from evaluate",
        ],
    ),
    "what is masked": (
        [WEIGHTS, "which_call"],
        [
            "BCEWithLogitsLoss ignore_index",
            "masked loss divide by number of valid elements",
            "ignore -1 labels in BCE",
        ],
    ),
    "a negative loss": (
        [VALUES, "shapes", "soft_targets", "mistakes/labels"],
        [
            "BCE loss negative value",
            "loss -1269.99",
            "mask 0 255 bce loss negative",
        ],
    ),
    "soft labels have a floor": (
        ["entropy_and_divergence", "soft_targets", "glossary"],
        [
            "loss never reaches 0 soft labels",
            "minimum bce loss with label 0.5",
            "can binary cross entropy be used with targets between 0 and 1",
        ],
    ),
    "one output or two": (
        ["softmax_and_equivalence"],
        [
            "one neuron sigmoid or two neurons softmax",
            "num_classes 1 or 2 binary classification",
        ],
    ),
    "one channel": (
        ["shapes", "softmax_and_equivalence"],
        [
            "CrossEntropyLoss loss 0 num_classes=1",
            "mmsegmentation loss_ce 0.0 num_classes 1",
        ],
    ),
    "VAE: sum or mean": (
        ["shapes", "bce_in_disguise"],
        [
            "vae loss mean vs sum kl",
            "F.binary_cross_entropy(recon_x, x, reduction='sum') vae",
        ],
    ),
    "traps of log_loss": (
        [CALIBRATION, VALUES, "which_call"],
        [
            "log_loss string labels order",
            "log_loss 36.04",
            "y_pred deprecated y_proba log_loss",
        ],
    ),
    "a first loss of 0.693": (
        [VALUES, "training_a_classifier"],
        [
            "loss 0.693 not learning",
            "loss starts at 0.6931",
            "initial loss log(2)",
        ],
    ),
    "autocast": (
        [PYTORCH],
        [
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast",
            "BCELoss mixed precision amp error",
        ],
    ),
    "the focal loss": (
        ["focal_loss"],
        [
            "focal loss alpha 0.25 which class",
            "focal loss probabilities not calibrated",
            "focal loss p_t softmax sigmoid",
        ],
    ),
    "what a booster hands over": (
        [FRAMEWORKS, "checking_a_gradient"],
        [
            "xgboost custom logistic objective gradient hessian",
            "fobj preds are raw margin sigmoid",
        ],
    ),
    "a device-side assert": (
        [PYTORCH, VALUES],
        [
            "CUDA error: device-side assert triggered BCELoss",
            "Assertion `input_val >= zero && input_val <= one` failed",
        ],
    ),
    "label smoothing": (
        ["soft_targets", FRAMEWORKS],
        [
            "label_smoothing BCEWithLogitsLoss pytorch",
            "keras BinaryCrossentropy label_smoothing",
        ],
    ),
}
