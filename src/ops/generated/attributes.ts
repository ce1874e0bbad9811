// Made by tools/generate-ops.ts from src/ops/schemas.json (ONNX 1.23.2); do not edit.

import type { Attribute, Graph, Tensor } from "../../ir/index.js";

/** Attributes of every operator: the union over all its versions, null where a version has no value and no default. */
export interface OpAttributes {
    readonly ATen: { readonly operator: string | null; readonly overload_name: string | null };
    readonly Abs: { readonly consumed_inputs: readonly number[] | null };
    readonly Acos: Readonly<Record<never, never>>;
    readonly Acosh: Readonly<Record<never, never>>;
    readonly Add: { readonly axis: number | null; readonly broadcast: number | null; readonly consumed_inputs: readonly number[] | null };
    readonly Affine: { readonly alpha: number; readonly beta: number };
    readonly AffineGrid: { readonly align_corners: number };
    readonly And: { readonly axis: number | null; readonly broadcast: number | null };
    readonly ArgMax: { readonly axis: number; readonly keepdims: number; readonly select_last_index: number | null };
    readonly ArgMin: { readonly axis: number; readonly keepdims: number; readonly select_last_index: number | null };
    readonly Asin: Readonly<Record<never, never>>;
    readonly Asinh: Readonly<Record<never, never>>;
    readonly Atan: Readonly<Record<never, never>>;
    readonly Atanh: Readonly<Record<never, never>>;
    readonly Attention: { readonly is_causal: number; readonly kv_num_heads: number | null; readonly left_window_size: number | null; readonly q_num_heads: number | null; readonly qk_matmul_output_mode: number; readonly right_window_size: number | null; readonly scale: number | null; readonly softcap: number; readonly softmax_precision: number | null };
    readonly AveragePool: { readonly auto_pad: string; readonly ceil_mode: number | null; readonly count_include_pad: number | null; readonly dilations: readonly number[] | null; readonly kernel_shape: readonly number[]; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly BatchNormalization: { readonly consumed_inputs: readonly number[] | null; readonly epsilon: number; readonly is_test: number | null; readonly momentum: number; readonly spatial: number | null; readonly training_mode: number | null };
    readonly Bernoulli: { readonly dtype: number | null; readonly seed: number | null };
    readonly BitCast: { readonly to: number };
    readonly BitShift: { readonly direction: string };
    readonly BitwiseAnd: Readonly<Record<never, never>>;
    readonly BitwiseNot: Readonly<Record<never, never>>;
    readonly BitwiseOr: Readonly<Record<never, never>>;
    readonly BitwiseXor: Readonly<Record<never, never>>;
    readonly BlackmanWindow: { readonly output_datatype: number; readonly periodic: number };
    readonly Cast: { readonly round_mode: string | null; readonly saturate: number | null; readonly to: number | string };
    readonly CastLike: { readonly round_mode: string | null; readonly saturate: number | null };
    readonly CausalConvWithState: { readonly activation: string };
    readonly Ceil: { readonly consumed_inputs: readonly number[] | null };
    readonly Celu: { readonly alpha: number };
    readonly CenterCropPad: { readonly axes: readonly number[] | null };
    readonly Clip: { readonly consumed_inputs: readonly number[] | null; readonly max: number | null; readonly min: number | null };
    readonly Col2Im: { readonly dilations: readonly number[] | null; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly Compress: { readonly axis: number | null };
    readonly Concat: { readonly axis: number | null };
    readonly ConcatFromSequence: { readonly axis: number; readonly new_axis: number };
    readonly Constant: { readonly value: Tensor | null; readonly value_float: number | null; readonly value_floats: readonly number[] | null; readonly value_int: number | null; readonly value_ints: readonly number[] | null; readonly value_string: string | null; readonly value_strings: readonly string[] | null };
    readonly ConstantFill: { readonly dtype: number; readonly extra_shape: readonly number[] | null; readonly input_as_shape: number | null; readonly shape: readonly number[] | null; readonly value: number };
    readonly ConstantOfShape: { readonly value: Tensor | null };
    readonly Conv: { readonly auto_pad: string; readonly dilations: readonly number[] | null; readonly group: number; readonly kernel_shape: readonly number[] | null; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly ConvInteger: { readonly auto_pad: string; readonly dilations: readonly number[] | null; readonly group: number; readonly kernel_shape: readonly number[] | null; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly ConvTranspose: { readonly auto_pad: string; readonly dilations: readonly number[] | null; readonly group: number; readonly kernel_shape: readonly number[] | null; readonly output_padding: readonly number[] | null; readonly output_shape: readonly number[] | null; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly Cos: Readonly<Record<never, never>>;
    readonly Cosh: Readonly<Record<never, never>>;
    readonly Crop: { readonly border: readonly number[]; readonly scale: readonly number[] | null };
    readonly CumProd: { readonly exclusive: number; readonly reverse: number };
    readonly CumSum: { readonly exclusive: number; readonly reverse: number };
    readonly DFT: { readonly axis: number | null; readonly inverse: number; readonly onesided: number };
    readonly DeformConv: { readonly dilations: readonly number[] | null; readonly group: number; readonly kernel_shape: readonly number[] | null; readonly offset_group: number; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly DepthToSpace: { readonly blocksize: number; readonly mode: string | null };
    readonly DequantizeLinear: { readonly axis: number | null; readonly block_size: number | null; readonly output_dtype: number | null };
    readonly Det: Readonly<Record<never, never>>;
    readonly Div: { readonly axis: number | null; readonly broadcast: number | null; readonly consumed_inputs: readonly number[] | null };
    readonly Dropout: { readonly consumed_inputs: readonly number[] | null; readonly is_test: number | null; readonly ratio: number | null; readonly seed: number | null };
    readonly DynamicQuantizeLinear: Readonly<Record<never, never>>;
    readonly DynamicSlice: Readonly<Record<never, never>>;
    readonly Einsum: { readonly equation: string };
    readonly Elu: { readonly alpha: number; readonly consumed_inputs: readonly number[] | null };
    readonly Equal: { readonly axis: number | null; readonly broadcast: number | null };
    readonly Erf: Readonly<Record<never, never>>;
    readonly Exp: { readonly consumed_inputs: readonly number[] | null };
    readonly Expand: Readonly<Record<never, never>>;
    readonly EyeLike: { readonly dtype: number | null; readonly k: number };
    readonly Flatten: { readonly axis: number };
    readonly Floor: { readonly consumed_inputs: readonly number[] | null };
    readonly GRU: { readonly activation_alpha: readonly number[] | null; readonly activation_beta: readonly number[] | null; readonly activations: readonly string[] | null; readonly clip: number | null; readonly direction: string; readonly hidden_size: number | null; readonly layout: number | null; readonly linear_before_reset: number | null; readonly output_sequence: number | null };
    readonly GRUUnit: { readonly drop_states: number | null };
    readonly Gather: { readonly axis: number };
    readonly GatherElements: { readonly axis: number };
    readonly GatherND: { readonly batch_dims: number | null };
    readonly Gelu: { readonly approximate: string };
    readonly Gemm: { readonly alpha: number; readonly beta: number; readonly broadcast: number | null; readonly transA: number; readonly transB: number };
    readonly GivenTensorFill: { readonly extra_shape: readonly number[] | null; readonly input_as_shape: number | null; readonly shape: readonly number[] | null; readonly values: readonly number[] | null };
    readonly GlobalAveragePool: Readonly<Record<never, never>>;
    readonly GlobalLpPool: { readonly p: number };
    readonly GlobalMaxPool: Readonly<Record<never, never>>;
    readonly Greater: { readonly axis: number | null; readonly broadcast: number | null };
    readonly GreaterOrEqual: Readonly<Record<never, never>>;
    readonly GridSample: { readonly align_corners: number; readonly mode: string; readonly padding_mode: string };
    readonly GroupNormalization: { readonly epsilon: number; readonly num_groups: number; readonly stash_type: number | null };
    readonly HammingWindow: { readonly output_datatype: number; readonly periodic: number };
    readonly HannWindow: { readonly output_datatype: number; readonly periodic: number };
    readonly HardSigmoid: { readonly alpha: number; readonly beta: number; readonly consumed_inputs: readonly number[] | null };
    readonly HardSwish: Readonly<Record<never, never>>;
    readonly Hardmax: { readonly axis: number };
    readonly Identity: Readonly<Record<never, never>>;
    readonly If: { readonly else_branch: Graph; readonly then_branch: Graph };
    readonly ImageDecoder: { readonly pixel_format: string };
    readonly ImageScaler: { readonly bias: readonly number[] | null; readonly scale: number };
    readonly InstanceNormalization: { readonly consumed_inputs: readonly number[] | null; readonly epsilon: number };
    readonly IsInf: { readonly detect_negative: number; readonly detect_positive: number };
    readonly IsNaN: Readonly<Record<never, never>>;
    readonly LRN: { readonly alpha: number; readonly beta: number; readonly bias: number; readonly size: number };
    readonly LSTM: { readonly activation_alpha: readonly number[] | null; readonly activation_beta: readonly number[] | null; readonly activations: readonly string[] | null; readonly clip: number | null; readonly direction: string; readonly hidden_size: number | null; readonly input_forget: number; readonly layout: number | null; readonly output_sequence: number | null };
    readonly LayerNormalization: { readonly axis: number; readonly epsilon: number; readonly stash_type: number };
    readonly LeakyRelu: { readonly alpha: number; readonly consumed_inputs: readonly number[] | null };
    readonly Less: { readonly axis: number | null; readonly broadcast: number | null };
    readonly LessOrEqual: Readonly<Record<never, never>>;
    readonly LinearAttention: { readonly chunk_size: number; readonly kv_num_heads: number; readonly q_num_heads: number; readonly scale: number; readonly update_rule: string };
    readonly Log: { readonly consumed_inputs: readonly number[] | null };
    readonly LogSoftmax: { readonly axis: number };
    readonly Loop: { readonly body: Graph };
    readonly LpNormalization: { readonly axis: number; readonly p: number };
    readonly LpPool: { readonly auto_pad: string; readonly ceil_mode: number | null; readonly dilations: readonly number[] | null; readonly kernel_shape: readonly number[] | null; readonly p: number; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly MatMul: Readonly<Record<never, never>>;
    readonly MatMulInteger: Readonly<Record<never, never>>;
    readonly Max: { readonly consumed_inputs: readonly number[] | null };
    readonly MaxPool: { readonly auto_pad: string; readonly ceil_mode: number | null; readonly dilations: readonly number[] | null; readonly kernel_shape: readonly number[]; readonly pads: readonly number[] | null; readonly storage_order: number | null; readonly strides: readonly number[] | null };
    readonly MaxRoiPool: { readonly pooled_shape: readonly number[]; readonly spatial_scale: number };
    readonly MaxUnpool: { readonly kernel_shape: readonly number[]; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly Mean: { readonly consumed_inputs: readonly number[] | null };
    readonly MeanVarianceNormalization: { readonly axes: readonly number[] };
    readonly MelWeightMatrix: { readonly output_datatype: number };
    readonly Min: { readonly consumed_inputs: readonly number[] | null };
    readonly Mish: Readonly<Record<never, never>>;
    readonly Mod: { readonly fmod: number };
    readonly Mul: { readonly axis: number | null; readonly broadcast: number | null; readonly consumed_inputs: readonly number[] | null };
    readonly Multinomial: { readonly dtype: number; readonly sample_size: number; readonly seed: number | null };
    readonly Neg: { readonly consumed_inputs: readonly number[] | null };
    readonly NegativeLogLikelihoodLoss: { readonly ignore_index: number | null; readonly reduction: string };
    readonly NonMaxSuppression: { readonly center_point_box: number };
    readonly NonZero: Readonly<Record<never, never>>;
    readonly Not: Readonly<Record<never, never>>;
    readonly OneHot: { readonly axis: number };
    readonly Optional: Readonly<Record<never, never>>;
    readonly OptionalGetElement: Readonly<Record<never, never>>;
    readonly OptionalHasElement: Readonly<Record<never, never>>;
    readonly Or: { readonly axis: number | null; readonly broadcast: number | null };
    readonly PRelu: { readonly consumed_inputs: readonly number[] | null };
    readonly Pad: { readonly mode: string; readonly paddings: readonly number[] | null; readonly pads: readonly number[] | null; readonly value: number | null };
    readonly ParametricSoftplus: { readonly alpha: number | null; readonly beta: number | null };
    readonly Pow: { readonly axis: number | null; readonly broadcast: number | null };
    readonly QLinearConv: { readonly auto_pad: string; readonly dilations: readonly number[] | null; readonly group: number; readonly kernel_shape: readonly number[] | null; readonly pads: readonly number[] | null; readonly strides: readonly number[] | null };
    readonly QLinearMatMul: Readonly<Record<never, never>>;
    readonly QuantizeLinear: { readonly axis: number | null; readonly block_size: number | null; readonly output_dtype: number | null; readonly precision: number | null; readonly saturate: number | null };
    readonly RMSNormalization: { readonly axis: number; readonly epsilon: number; readonly stash_type: number };
    readonly RNN: { readonly activation_alpha: readonly number[] | null; readonly activation_beta: readonly number[] | null; readonly activations: readonly string[]; readonly clip: number | null; readonly direction: string; readonly hidden_size: number | null; readonly layout: number | null; readonly output_sequence: number | null };
    readonly RandomNormal: { readonly dtype: number; readonly mean: number; readonly scale: number; readonly seed: number | null; readonly shape: readonly number[] };
    readonly RandomNormalLike: { readonly dtype: number | null; readonly mean: number; readonly scale: number; readonly seed: number | null };
    readonly RandomUniform: { readonly dtype: number; readonly high: number; readonly low: number; readonly seed: number | null; readonly shape: readonly number[] };
    readonly RandomUniformLike: { readonly dtype: number | null; readonly high: number; readonly low: number; readonly seed: number | null };
    readonly Range: { readonly stash_type: number | null };
    readonly Reciprocal: { readonly consumed_inputs: readonly number[] | null };
    readonly ReduceL1: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceL2: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceLogSum: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceLogSumExp: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceMax: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceMean: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceMin: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceProd: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceSum: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly ReduceSumSquare: { readonly axes: readonly number[] | null; readonly keepdims: number; readonly noop_with_empty_axes: number | null };
    readonly RegexFullMatch: { readonly pattern: string | null };
    readonly Relu: { readonly consumed_inputs: readonly number[] | null };
    readonly Reshape: { readonly allowzero: number | null; readonly consumed_inputs: readonly number[] | null; readonly shape: readonly number[] | null };
    readonly Resize: { readonly antialias: number | null; readonly axes: readonly number[] | null; readonly coordinate_transformation_mode: string | null; readonly cubic_coeff_a: number | null; readonly exclude_outside: number | null; readonly extrapolation_value: number | null; readonly keep_aspect_ratio_policy: string | null; readonly mode: string; readonly nearest_mode: string | null };
    readonly ReverseSequence: { readonly batch_axis: number; readonly time_axis: number };
    readonly RoiAlign: { readonly coordinate_transformation_mode: string | null; readonly mode: string; readonly output_height: number; readonly output_width: number; readonly sampling_ratio: number; readonly spatial_scale: number };
    readonly RotaryEmbedding: { readonly interleaved: number; readonly num_heads: number | null; readonly rotary_embedding_dim: number };
    readonly Round: Readonly<Record<never, never>>;
    readonly STFT: { readonly onesided: number };
    readonly Scale: { readonly scale: number };
    readonly ScaledTanh: { readonly alpha: number | null; readonly beta: number | null };
    readonly Scan: { readonly body: Graph; readonly directions: readonly number[] | null; readonly num_scan_inputs: number; readonly scan_input_axes: readonly number[] | null; readonly scan_input_directions: readonly number[] | null; readonly scan_output_axes: readonly number[] | null; readonly scan_output_directions: readonly number[] | null };
    readonly Scatter: { readonly axis: number };
    readonly ScatterElements: { readonly axis: number; readonly reduction: string | null };
    readonly ScatterND: { readonly reduction: string | null };
    readonly Selu: { readonly alpha: number; readonly consumed_inputs: readonly number[] | null; readonly gamma: number };
    readonly SequenceAt: Readonly<Record<never, never>>;
    readonly SequenceConstruct: Readonly<Record<never, never>>;
    readonly SequenceEmpty: { readonly dtype: number | null };
    readonly SequenceErase: Readonly<Record<never, never>>;
    readonly SequenceInsert: Readonly<Record<never, never>>;
    readonly SequenceLength: Readonly<Record<never, never>>;
    readonly SequenceMap: { readonly body: Graph };
    readonly Shape: { readonly end: number | null; readonly start: number | null };
    readonly Shrink: { readonly bias: number; readonly lambd: number };
    readonly Sigmoid: { readonly consumed_inputs: readonly number[] | null };
    readonly Sign: Readonly<Record<never, never>>;
    readonly Sin: Readonly<Record<never, never>>;
    readonly Sinh: Readonly<Record<never, never>>;
    readonly Size: Readonly<Record<never, never>>;
    readonly Slice: { readonly axes: readonly number[] | null; readonly ends: readonly number[] | null; readonly starts: readonly number[] | null };
    readonly Softmax: { readonly axis: number };
    readonly SoftmaxCrossEntropyLoss: { readonly ignore_index: number | null; readonly reduction: string };
    readonly Softplus: Readonly<Record<never, never>>;
    readonly Softsign: Readonly<Record<never, never>>;
    readonly SpaceToDepth: { readonly blocksize: number; readonly mode: string | null };
    readonly Split: { readonly axis: number | null; readonly num_outputs: number | null; readonly split: readonly number[] | null };
    readonly SplitToSequence: { readonly axis: number; readonly keepdims: number };
    readonly Sqrt: { readonly consumed_inputs: readonly number[] | null };
    readonly Squeeze: { readonly axes: readonly number[] | null };
    readonly StringConcat: Readonly<Record<never, never>>;
    readonly StringNormalizer: { readonly case_change_action: string; readonly is_case_sensitive: number; readonly locale: string | null; readonly stopwords: readonly string[] | null };
    readonly StringSplit: { readonly delimiter: string | null; readonly maxsplit: number | null };
    readonly Sub: { readonly axis: number | null; readonly broadcast: number | null; readonly consumed_inputs: readonly number[] | null };
    readonly Sum: { readonly consumed_inputs: readonly number[] | null };
    readonly SwiGLU: { readonly alpha: number };
    readonly Swish: { readonly alpha: number };
    readonly Tan: Readonly<Record<never, never>>;
    readonly Tanh: { readonly consumed_inputs: readonly number[] | null };
    readonly TensorScatter: { readonly axis: number; readonly mode: string };
    readonly TfIdfVectorizer: { readonly max_gram_length: number; readonly max_skip_count: number; readonly min_gram_length: number; readonly mode: string; readonly ngram_counts: readonly number[]; readonly ngram_indexes: readonly number[]; readonly pool_int64s: readonly number[] | null; readonly pool_strings: readonly string[] | null; readonly weights: readonly number[] | null };
    readonly ThresholdedRelu: { readonly alpha: number };
    readonly Tile: Readonly<Record<never, never>>;
    readonly TopK: { readonly axis: number; readonly k: number | null; readonly largest: number | null; readonly sorted: number | null };
    readonly Transpose: { readonly perm: readonly number[] | null };
    readonly Trilu: { readonly upper: number };
    readonly Unique: { readonly axis: number | null; readonly sorted: number };
    readonly Unsqueeze: { readonly axes: readonly number[] | null };
    readonly Upsample: { readonly height_scale: number | null; readonly mode: string; readonly scales: readonly number[] | null; readonly width_scale: number | null };
    readonly Where: Readonly<Record<never, never>>;
    readonly Xor: { readonly axis: number | null; readonly broadcast: number | null };
    readonly ArrayFeatureExtractor: Readonly<Record<never, never>>;
    readonly Binarizer: { readonly threshold: number };
    readonly CastMap: { readonly cast_to: string; readonly map_form: string; readonly max_map: number };
    readonly CategoryMapper: { readonly cats_int64s: readonly number[] | null; readonly cats_strings: readonly string[] | null; readonly default_int64: number; readonly default_string: string };
    readonly DictVectorizer: { readonly int64_vocabulary: readonly number[] | null; readonly string_vocabulary: readonly string[] | null };
    readonly FeatureVectorizer: { readonly inputdimensions: readonly number[] | null };
    readonly Imputer: { readonly imputed_value_floats: readonly number[] | null; readonly imputed_value_int64s: readonly number[] | null; readonly replaced_value_float: number; readonly replaced_value_int64: number };
    readonly LabelEncoder: { readonly classes_strings: readonly string[] | null; readonly default_float: number | null; readonly default_int64: number; readonly default_string: string; readonly default_tensor: Tensor | null; readonly keys_floats: readonly number[] | null; readonly keys_int64s: readonly number[] | null; readonly keys_strings: readonly string[] | null; readonly keys_tensor: Tensor | null; readonly values_floats: readonly number[] | null; readonly values_int64s: readonly number[] | null; readonly values_strings: readonly string[] | null; readonly values_tensor: Tensor | null };
    readonly LinearClassifier: { readonly classlabels_ints: readonly number[] | null; readonly classlabels_strings: readonly string[] | null; readonly coefficients: readonly number[]; readonly intercepts: readonly number[] | null; readonly multi_class: number; readonly post_transform: string };
    readonly LinearRegressor: { readonly coefficients: readonly number[] | null; readonly intercepts: readonly number[] | null; readonly post_transform: string; readonly targets: number };
    readonly Normalizer: { readonly norm: string };
    readonly OneHotEncoder: { readonly cats_int64s: readonly number[] | null; readonly cats_strings: readonly string[] | null; readonly zeros: number };
    readonly SVMClassifier: { readonly classlabels_ints: readonly number[] | null; readonly classlabels_strings: readonly string[] | null; readonly coefficients: readonly number[] | null; readonly kernel_params: readonly number[] | null; readonly kernel_type: string; readonly post_transform: string; readonly prob_a: readonly number[] | null; readonly prob_b: readonly number[] | null; readonly rho: readonly number[] | null; readonly support_vectors: readonly number[] | null; readonly vectors_per_class: readonly number[] | null };
    readonly SVMRegressor: { readonly coefficients: readonly number[] | null; readonly kernel_params: readonly number[] | null; readonly kernel_type: string; readonly n_supports: number; readonly one_class: number; readonly post_transform: string; readonly rho: readonly number[] | null; readonly support_vectors: readonly number[] | null };
    readonly Scaler: { readonly offset: readonly number[] | null; readonly scale: readonly number[] | null };
    readonly TreeEnsemble: { readonly aggregate_function: number; readonly leaf_targetids: readonly number[]; readonly leaf_weights: Tensor; readonly membership_values: Tensor | null; readonly n_targets: number | null; readonly nodes_falseleafs: readonly number[]; readonly nodes_falsenodeids: readonly number[]; readonly nodes_featureids: readonly number[]; readonly nodes_hitrates: Tensor | null; readonly nodes_missing_value_tracks_true: readonly number[] | null; readonly nodes_modes: Tensor; readonly nodes_splits: Tensor; readonly nodes_trueleafs: readonly number[]; readonly nodes_truenodeids: readonly number[]; readonly post_transform: number; readonly tree_roots: readonly number[] };
    readonly TreeEnsembleClassifier: { readonly base_values: readonly number[] | null; readonly base_values_as_tensor: Tensor | null; readonly class_ids: readonly number[] | null; readonly class_nodeids: readonly number[] | null; readonly class_treeids: readonly number[] | null; readonly class_weights: readonly number[] | null; readonly class_weights_as_tensor: Tensor | null; readonly classlabels_int64s: readonly number[] | null; readonly classlabels_strings: readonly string[] | null; readonly nodes_falsenodeids: readonly number[] | null; readonly nodes_featureids: readonly number[] | null; readonly nodes_hitrates: readonly number[] | null; readonly nodes_hitrates_as_tensor: Tensor | null; readonly nodes_missing_value_tracks_true: readonly number[] | null; readonly nodes_modes: readonly string[] | null; readonly nodes_nodeids: readonly number[] | null; readonly nodes_treeids: readonly number[] | null; readonly nodes_truenodeids: readonly number[] | null; readonly nodes_values: readonly number[] | null; readonly nodes_values_as_tensor: Tensor | null; readonly post_transform: string };
    readonly TreeEnsembleRegressor: { readonly aggregate_function: string; readonly base_values: readonly number[] | null; readonly base_values_as_tensor: Tensor | null; readonly n_targets: number | null; readonly nodes_falsenodeids: readonly number[] | null; readonly nodes_featureids: readonly number[] | null; readonly nodes_hitrates: readonly number[] | null; readonly nodes_hitrates_as_tensor: Tensor | null; readonly nodes_missing_value_tracks_true: readonly number[] | null; readonly nodes_modes: readonly string[] | null; readonly nodes_nodeids: readonly number[] | null; readonly nodes_treeids: readonly number[] | null; readonly nodes_truenodeids: readonly number[] | null; readonly nodes_values: readonly number[] | null; readonly nodes_values_as_tensor: Tensor | null; readonly post_transform: string; readonly target_ids: readonly number[] | null; readonly target_nodeids: readonly number[] | null; readonly target_treeids: readonly number[] | null; readonly target_weights: readonly number[] | null; readonly target_weights_as_tensor: Tensor | null };
    readonly ZipMap: { readonly classlabels_int64s: readonly number[] | null; readonly classlabels_strings: readonly string[] | null };
    readonly FlexAttention: { readonly prob_mod: Graph | null; readonly scale: number | null; readonly score_mod: Graph | null; readonly softmax_precision: number | null };
    readonly Adagrad: { readonly decay_factor: number; readonly epsilon: number; readonly norm_coefficient: number };
    readonly Adam: { readonly alpha: number; readonly beta: number; readonly epsilon: number; readonly norm_coefficient: number; readonly norm_coefficient_post: number };
    readonly Gradient: { readonly xs: readonly string[]; readonly y: string; readonly zs: readonly string[] | null };
    readonly Momentum: { readonly alpha: number; readonly beta: number; readonly mode: string; readonly norm_coefficient: number };
}

/** What the schema table says of one operator's attributes. */
export interface OpVersions {
    readonly domain: string;
    readonly kinds: Readonly<Record<string, readonly Attribute["kind"][]>>;
    /** Oldest first. */
    readonly versions: readonly {
                  readonly since: number;
                  readonly defaults: Readonly<Record<string, number | string | readonly number[] | readonly string[]>>;
                  readonly required: readonly string[];
                }[];
}

/** Newest operator-set version of the default domain that the table knows. */
export const newestOpset = 28;
export const opVersions: Readonly<Record<keyof OpAttributes, OpVersions>> = {
    ATen: { domain: "", kinds: { "operator": ["string"], "overload_name": ["string"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Abs: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Acos: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Acosh: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Add: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 6, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }] },
    Affine: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"] }, versions: [{ since: 1, defaults: { "alpha": 1, "beta": 0 }, required: [] }] },
    AffineGrid: { domain: "", kinds: { "align_corners": ["int"] }, versions: [{ since: 20, defaults: { "align_corners": 0 }, required: [] }] },
    And: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }] },
    ArgMax: { domain: "", kinds: { "axis": ["int"], "keepdims": ["int"], "select_last_index": ["int"] }, versions: [{ since: 1, defaults: { "axis": 0, "keepdims": 1 }, required: [] }, { since: 11, defaults: { "axis": 0, "keepdims": 1 }, required: [] }, { since: 12, defaults: { "axis": 0, "keepdims": 1, "select_last_index": 0 }, required: [] }, { since: 13, defaults: { "axis": 0, "keepdims": 1, "select_last_index": 0 }, required: [] }] },
    ArgMin: { domain: "", kinds: { "axis": ["int"], "keepdims": ["int"], "select_last_index": ["int"] }, versions: [{ since: 1, defaults: { "axis": 0, "keepdims": 1 }, required: [] }, { since: 11, defaults: { "axis": 0, "keepdims": 1 }, required: [] }, { since: 12, defaults: { "axis": 0, "keepdims": 1, "select_last_index": 0 }, required: [] }, { since: 13, defaults: { "axis": 0, "keepdims": 1, "select_last_index": 0 }, required: [] }] },
    Asin: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Asinh: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Atan: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Atanh: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Attention: { domain: "", kinds: { "is_causal": ["int"], "kv_num_heads": ["int"], "left_window_size": ["int"], "q_num_heads": ["int"], "qk_matmul_output_mode": ["int"], "right_window_size": ["int"], "scale": ["float"], "softcap": ["float"], "softmax_precision": ["int"] }, versions: [{ since: 23, defaults: { "is_causal": 0, "qk_matmul_output_mode": 0, "softcap": 0 }, required: [] }, { since: 24, defaults: { "is_causal": 0, "qk_matmul_output_mode": 0, "softcap": 0 }, required: [] }, { since: 25, defaults: { "is_causal": 0, "left_window_size": -1, "qk_matmul_output_mode": 0, "right_window_size": -1, "softcap": 0 }, required: [] }] },
    AveragePool: { domain: "", kinds: { "auto_pad": ["string"], "ceil_mode": ["int"], "count_include_pad": ["int"], "dilations": ["ints"], "kernel_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 1, defaults: { "auto_pad": "NOTSET" }, required: ["kernel_shape"] }, { since: 7, defaults: { "auto_pad": "NOTSET", "count_include_pad": 0 }, required: ["kernel_shape"] }, { since: 10, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0 }, required: ["kernel_shape"] }, { since: 11, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0 }, required: ["kernel_shape"] }, { since: 19, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0 }, required: ["kernel_shape"] }, { since: 22, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "count_include_pad": 0 }, required: ["kernel_shape"] }] },
    BatchNormalization: { domain: "", kinds: { "consumed_inputs": ["ints"], "epsilon": ["float"], "is_test": ["int"], "momentum": ["float"], "spatial": ["int"], "training_mode": ["int"] }, versions: [{ since: 1, defaults: { "epsilon": 0.00001, "is_test": 0, "momentum": 0.9, "spatial": 1 }, required: ["consumed_inputs"] }, { since: 6, defaults: { "epsilon": 0.00001, "is_test": 0, "momentum": 0.9, "spatial": 1 }, required: [] }, { since: 7, defaults: { "epsilon": 0.00001, "momentum": 0.9, "spatial": 1 }, required: [] }, { since: 9, defaults: { "epsilon": 0.00001, "momentum": 0.9 }, required: [] }, { since: 14, defaults: { "epsilon": 0.00001, "momentum": 0.9, "training_mode": 0 }, required: [] }, { since: 15, defaults: { "epsilon": 0.00001, "momentum": 0.9, "training_mode": 0 }, required: [] }] },
    Bernoulli: { domain: "", kinds: { "dtype": ["int"], "seed": ["float"] }, versions: [{ since: 15, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    BitCast: { domain: "", kinds: { "to": ["int"] }, versions: [{ since: 26, defaults: {  }, required: ["to"] }] },
    BitShift: { domain: "", kinds: { "direction": ["string"] }, versions: [{ since: 11, defaults: {  }, required: ["direction"] }, { since: 28, defaults: {  }, required: ["direction"] }] },
    BitwiseAnd: { domain: "", kinds: {  }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    BitwiseNot: { domain: "", kinds: {  }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    BitwiseOr: { domain: "", kinds: {  }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    BitwiseXor: { domain: "", kinds: {  }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    BlackmanWindow: { domain: "", kinds: { "output_datatype": ["int"], "periodic": ["int"] }, versions: [{ since: 17, defaults: { "output_datatype": 1, "periodic": 1 }, required: [] }] },
    Cast: { domain: "", kinds: { "round_mode": ["string"], "saturate": ["int"], "to": ["int","string"] }, versions: [{ since: 1, defaults: {  }, required: ["to"] }, { since: 6, defaults: {  }, required: ["to"] }, { since: 9, defaults: {  }, required: ["to"] }, { since: 13, defaults: {  }, required: ["to"] }, { since: 19, defaults: { "saturate": 1 }, required: ["to"] }, { since: 21, defaults: { "saturate": 1 }, required: ["to"] }, { since: 23, defaults: { "saturate": 1 }, required: ["to"] }, { since: 24, defaults: { "round_mode": "up", "saturate": 1 }, required: ["to"] }, { since: 25, defaults: { "round_mode": "up", "saturate": 1 }, required: ["to"] }, { since: 28, defaults: { "round_mode": "up", "saturate": 1 }, required: ["to"] }] },
    CastLike: { domain: "", kinds: { "round_mode": ["string"], "saturate": ["int"] }, versions: [{ since: 15, defaults: {  }, required: [] }, { since: 19, defaults: { "saturate": 1 }, required: [] }, { since: 21, defaults: { "saturate": 1 }, required: [] }, { since: 23, defaults: { "saturate": 1 }, required: [] }, { since: 24, defaults: { "round_mode": "up", "saturate": 1 }, required: [] }, { since: 25, defaults: { "round_mode": "up", "saturate": 1 }, required: [] }] },
    CausalConvWithState: { domain: "", kinds: { "activation": ["string"] }, versions: [{ since: 27, defaults: { "activation": "none" }, required: [] }] },
    Ceil: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Celu: { domain: "", kinds: { "alpha": ["float"] }, versions: [{ since: 12, defaults: { "alpha": 1 }, required: [] }, { since: 28, defaults: { "alpha": 1 }, required: [] }] },
    CenterCropPad: { domain: "", kinds: { "axes": ["ints"] }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    Clip: { domain: "", kinds: { "consumed_inputs": ["ints"], "max": ["float"], "min": ["float"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: { "max": 3.4028235e+38, "min": -3.4028235e+38 }, required: [] }, { since: 11, defaults: {  }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Col2Im: { domain: "", kinds: { "dilations": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 18, defaults: {  }, required: [] }] },
    Compress: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 11, defaults: {  }, required: [] }, { since: 28, defaults: {  }, required: [] }] },
    Concat: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 4, defaults: {  }, required: ["axis"] }, { since: 11, defaults: {  }, required: ["axis"] }, { since: 13, defaults: {  }, required: ["axis"] }] },
    ConcatFromSequence: { domain: "", kinds: { "axis": ["int"], "new_axis": ["int"] }, versions: [{ since: 11, defaults: { "new_axis": 0 }, required: ["axis"] }] },
    Constant: { domain: "", kinds: { "value": ["tensor"], "value_float": ["float"], "value_floats": ["floats"], "value_int": ["int"], "value_ints": ["ints"], "value_string": ["string"], "value_strings": ["strings"] }, versions: [{ since: 1, defaults: {  }, required: ["value"] }, { since: 9, defaults: {  }, required: ["value"] }, { since: 11, defaults: {  }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 19, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    ConstantFill: { domain: "", kinds: { "dtype": ["int"], "extra_shape": ["ints"], "input_as_shape": ["int"], "shape": ["ints"], "value": ["float"] }, versions: [{ since: 1, defaults: { "dtype": 1, "value": 0 }, required: [] }] },
    ConstantOfShape: { domain: "", kinds: { "value": ["tensor"] }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 20, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    Conv: { domain: "", kinds: { "auto_pad": ["string"], "dilations": ["ints"], "group": ["int"], "kernel_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 1, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }, { since: 11, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }, { since: 22, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }] },
    ConvInteger: { domain: "", kinds: { "auto_pad": ["string"], "dilations": ["ints"], "group": ["int"], "kernel_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 10, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }] },
    ConvTranspose: { domain: "", kinds: { "auto_pad": ["string"], "dilations": ["ints"], "group": ["int"], "kernel_shape": ["ints"], "output_padding": ["ints"], "output_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 1, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }, { since: 11, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }, { since: 22, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }] },
    Cos: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Cosh: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Crop: { domain: "", kinds: { "border": ["ints"], "scale": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: ["border"] }] },
    CumProd: { domain: "", kinds: { "exclusive": ["int"], "reverse": ["int"] }, versions: [{ since: 26, defaults: { "exclusive": 0, "reverse": 0 }, required: [] }] },
    CumSum: { domain: "", kinds: { "exclusive": ["int"], "reverse": ["int"] }, versions: [{ since: 11, defaults: { "exclusive": 0, "reverse": 0 }, required: [] }, { since: 14, defaults: { "exclusive": 0, "reverse": 0 }, required: [] }] },
    DFT: { domain: "", kinds: { "axis": ["int"], "inverse": ["int"], "onesided": ["int"] }, versions: [{ since: 17, defaults: { "axis": 1, "inverse": 0, "onesided": 0 }, required: [] }, { since: 20, defaults: { "inverse": 0, "onesided": 0 }, required: [] }] },
    DeformConv: { domain: "", kinds: { "dilations": ["ints"], "group": ["int"], "kernel_shape": ["ints"], "offset_group": ["int"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 19, defaults: { "group": 1, "offset_group": 1 }, required: [] }, { since: 22, defaults: { "group": 1, "offset_group": 1 }, required: [] }] },
    DepthToSpace: { domain: "", kinds: { "blocksize": ["int"], "mode": ["string"] }, versions: [{ since: 1, defaults: {  }, required: ["blocksize"] }, { since: 11, defaults: { "mode": "DCR" }, required: ["blocksize"] }, { since: 13, defaults: { "mode": "DCR" }, required: ["blocksize"] }, { since: 28, defaults: { "mode": "DCR" }, required: ["blocksize"] }] },
    DequantizeLinear: { domain: "", kinds: { "axis": ["int"], "block_size": ["int"], "output_dtype": ["int"] }, versions: [{ since: 10, defaults: {  }, required: [] }, { since: 13, defaults: { "axis": 1 }, required: [] }, { since: 19, defaults: { "axis": 1 }, required: [] }, { since: 21, defaults: { "axis": 1, "block_size": 0 }, required: [] }, { since: 23, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0 }, required: [] }, { since: 24, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0 }, required: [] }, { since: 25, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0 }, required: [] }, { since: 28, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0 }, required: [] }] },
    Det: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Div: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 6, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }] },
    Dropout: { domain: "", kinds: { "consumed_inputs": ["ints"], "is_test": ["int"], "ratio": ["float"], "seed": ["int"] }, versions: [{ since: 1, defaults: { "is_test": 0, "ratio": 0.5 }, required: [] }, { since: 6, defaults: { "is_test": 0, "ratio": 0.5 }, required: [] }, { since: 7, defaults: { "ratio": 0.5 }, required: [] }, { since: 10, defaults: { "ratio": 0.5 }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    DynamicQuantizeLinear: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    DynamicSlice: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Einsum: { domain: "", kinds: { "equation": ["string"] }, versions: [{ since: 12, defaults: {  }, required: ["equation"] }, { since: 28, defaults: {  }, required: ["equation"] }] },
    Elu: { domain: "", kinds: { "alpha": ["float"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "alpha": 1 }, required: [] }, { since: 6, defaults: { "alpha": 1 }, required: [] }, { since: 22, defaults: { "alpha": 1 }, required: [] }] },
    Equal: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 11, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 19, defaults: {  }, required: [] }] },
    Erf: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Exp: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Expand: { domain: "", kinds: {  }, versions: [{ since: 8, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    EyeLike: { domain: "", kinds: { "dtype": ["int"], "k": ["int"] }, versions: [{ since: 9, defaults: { "k": 0 }, required: [] }, { since: 22, defaults: { "k": 0 }, required: [] }] },
    Flatten: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: { "axis": 1 }, required: [] }, { since: 9, defaults: { "axis": 1 }, required: [] }, { since: 11, defaults: { "axis": 1 }, required: [] }, { since: 13, defaults: { "axis": 1 }, required: [] }, { since: 21, defaults: { "axis": 1 }, required: [] }, { since: 23, defaults: { "axis": 1 }, required: [] }, { since: 24, defaults: { "axis": 1 }, required: [] }, { since: 25, defaults: { "axis": 1 }, required: [] }] },
    Floor: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    GRU: { domain: "", kinds: { "activation_alpha": ["floats"], "activation_beta": ["floats"], "activations": ["strings"], "clip": ["float"], "direction": ["string"], "hidden_size": ["int"], "layout": ["int"], "linear_before_reset": ["int"], "output_sequence": ["int"] }, versions: [{ since: 1, defaults: { "direction": "foward", "output_sequence": 0 }, required: [] }, { since: 3, defaults: { "direction": "forward", "linear_before_reset": 0, "output_sequence": 0 }, required: [] }, { since: 7, defaults: { "direction": "forward", "linear_before_reset": 0 }, required: [] }, { since: 14, defaults: { "direction": "forward", "layout": 0, "linear_before_reset": 0 }, required: [] }, { since: 22, defaults: { "direction": "forward", "layout": 0, "linear_before_reset": 0 }, required: [] }] },
    GRUUnit: { domain: "", kinds: { "drop_states": ["int"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Gather: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: { "axis": 0 }, required: [] }, { since: 11, defaults: { "axis": 0 }, required: [] }, { since: 13, defaults: { "axis": 0 }, required: [] }] },
    GatherElements: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 11, defaults: { "axis": 0 }, required: [] }, { since: 13, defaults: { "axis": 0 }, required: [] }] },
    GatherND: { domain: "", kinds: { "batch_dims": ["int"] }, versions: [{ since: 11, defaults: {  }, required: [] }, { since: 12, defaults: { "batch_dims": 0 }, required: [] }, { since: 13, defaults: { "batch_dims": 0 }, required: [] }] },
    Gelu: { domain: "", kinds: { "approximate": ["string"] }, versions: [{ since: 20, defaults: { "approximate": "none" }, required: [] }] },
    Gemm: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"], "broadcast": ["int"], "transA": ["int"], "transB": ["int"] }, versions: [{ since: 1, defaults: { "alpha": 1, "beta": 1, "broadcast": 0, "transA": 0, "transB": 0 }, required: [] }, { since: 6, defaults: { "alpha": 1, "beta": 1, "broadcast": 0, "transA": 0, "transB": 0 }, required: [] }, { since: 7, defaults: { "alpha": 1, "beta": 1, "transA": 0, "transB": 0 }, required: [] }, { since: 9, defaults: { "alpha": 1, "beta": 1, "transA": 0, "transB": 0 }, required: [] }, { since: 11, defaults: { "alpha": 1, "beta": 1, "transA": 0, "transB": 0 }, required: [] }, { since: 13, defaults: { "alpha": 1, "beta": 1, "transA": 0, "transB": 0 }, required: [] }] },
    GivenTensorFill: { domain: "", kinds: { "extra_shape": ["ints"], "input_as_shape": ["int"], "shape": ["ints"], "values": ["floats"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    GlobalAveragePool: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    GlobalLpPool: { domain: "", kinds: { "p": ["float","int"] }, versions: [{ since: 1, defaults: { "p": 2 }, required: [] }, { since: 2, defaults: { "p": 2 }, required: [] }, { since: 22, defaults: { "p": 2 }, required: [] }] },
    GlobalMaxPool: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Greater: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    GreaterOrEqual: { domain: "", kinds: {  }, versions: [{ since: 12, defaults: {  }, required: [] }, { since: 16, defaults: {  }, required: [] }] },
    GridSample: { domain: "", kinds: { "align_corners": ["int"], "mode": ["string"], "padding_mode": ["string"] }, versions: [{ since: 16, defaults: { "align_corners": 0, "mode": "bilinear", "padding_mode": "zeros" }, required: [] }, { since: 20, defaults: { "align_corners": 0, "mode": "linear", "padding_mode": "zeros" }, required: [] }, { since: 22, defaults: { "align_corners": 0, "mode": "linear", "padding_mode": "zeros" }, required: [] }] },
    GroupNormalization: { domain: "", kinds: { "epsilon": ["float"], "num_groups": ["int"], "stash_type": ["int"] }, versions: [{ since: 18, defaults: { "epsilon": 0.00001 }, required: ["num_groups"] }, { since: 21, defaults: { "epsilon": 0.00001, "stash_type": 1 }, required: ["num_groups"] }] },
    HammingWindow: { domain: "", kinds: { "output_datatype": ["int"], "periodic": ["int"] }, versions: [{ since: 17, defaults: { "output_datatype": 1, "periodic": 1 }, required: [] }] },
    HannWindow: { domain: "", kinds: { "output_datatype": ["int"], "periodic": ["int"] }, versions: [{ since: 17, defaults: { "output_datatype": 1, "periodic": 1 }, required: [] }] },
    HardSigmoid: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "alpha": 0.2, "beta": 0.5 }, required: [] }, { since: 6, defaults: { "alpha": 0.2, "beta": 0.5 }, required: [] }, { since: 22, defaults: { "alpha": 0.2, "beta": 0.5 }, required: [] }] },
    HardSwish: { domain: "", kinds: {  }, versions: [{ since: 14, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Hardmax: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: { "axis": 1 }, required: [] }, { since: 11, defaults: { "axis": 1 }, required: [] }, { since: 13, defaults: { "axis": -1 }, required: [] }] },
    Identity: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }, { since: 16, defaults: {  }, required: [] }, { since: 19, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    If: { domain: "", kinds: { "else_branch": ["graph"], "then_branch": ["graph"] }, versions: [{ since: 1, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 11, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 13, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 16, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 19, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 21, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 23, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 24, defaults: {  }, required: ["else_branch","then_branch"] }, { since: 25, defaults: {  }, required: ["else_branch","then_branch"] }] },
    ImageDecoder: { domain: "", kinds: { "pixel_format": ["string"] }, versions: [{ since: 20, defaults: { "pixel_format": "RGB" }, required: [] }] },
    ImageScaler: { domain: "", kinds: { "bias": ["floats"], "scale": ["float"] }, versions: [{ since: 1, defaults: { "scale": 1 }, required: [] }] },
    InstanceNormalization: { domain: "", kinds: { "consumed_inputs": ["ints"], "epsilon": ["float"] }, versions: [{ since: 1, defaults: { "epsilon": 0.00001 }, required: [] }, { since: 6, defaults: { "epsilon": 0.00001 }, required: [] }, { since: 22, defaults: { "epsilon": 0.00001 }, required: [] }] },
    IsInf: { domain: "", kinds: { "detect_negative": ["int"], "detect_positive": ["int"] }, versions: [{ since: 10, defaults: { "detect_negative": 1, "detect_positive": 1 }, required: [] }, { since: 20, defaults: { "detect_negative": 1, "detect_positive": 1 }, required: [] }] },
    IsNaN: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 20, defaults: {  }, required: [] }] },
    LRN: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"], "bias": ["float"], "size": ["int"] }, versions: [{ since: 1, defaults: { "alpha": 0.0001, "beta": 0.75, "bias": 1 }, required: ["size"] }, { since: 13, defaults: { "alpha": 0.0001, "beta": 0.75, "bias": 1 }, required: ["size"] }] },
    LSTM: { domain: "", kinds: { "activation_alpha": ["floats"], "activation_beta": ["floats"], "activations": ["strings"], "clip": ["float"], "direction": ["string"], "hidden_size": ["int"], "input_forget": ["int"], "layout": ["int"], "output_sequence": ["int"] }, versions: [{ since: 1, defaults: { "direction": "forward", "input_forget": 0, "output_sequence": 0 }, required: [] }, { since: 7, defaults: { "direction": "forward", "input_forget": 0 }, required: [] }, { since: 14, defaults: { "direction": "forward", "input_forget": 0, "layout": 0 }, required: [] }, { since: 22, defaults: { "direction": "forward", "input_forget": 0, "layout": 0 }, required: [] }] },
    LayerNormalization: { domain: "", kinds: { "axis": ["int"], "epsilon": ["float"], "stash_type": ["int"] }, versions: [{ since: 17, defaults: { "axis": -1, "epsilon": 0.00001, "stash_type": 1 }, required: [] }] },
    LeakyRelu: { domain: "", kinds: { "alpha": ["float"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "alpha": 0.01 }, required: [] }, { since: 6, defaults: { "alpha": 0.01 }, required: [] }, { since: 16, defaults: { "alpha": 0.01 }, required: [] }] },
    Less: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    LessOrEqual: { domain: "", kinds: {  }, versions: [{ since: 12, defaults: {  }, required: [] }, { since: 16, defaults: {  }, required: [] }] },
    LinearAttention: { domain: "", kinds: { "chunk_size": ["int"], "kv_num_heads": ["int"], "q_num_heads": ["int"], "scale": ["float"], "update_rule": ["string"] }, versions: [{ since: 27, defaults: { "chunk_size": 64, "scale": 0, "update_rule": "gated_delta" }, required: ["kv_num_heads","q_num_heads"] }] },
    Log: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    LogSoftmax: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: { "axis": 1 }, required: [] }, { since: 11, defaults: { "axis": 1 }, required: [] }, { since: 13, defaults: { "axis": -1 }, required: [] }] },
    Loop: { domain: "", kinds: { "body": ["graph"] }, versions: [{ since: 1, defaults: {  }, required: ["body"] }, { since: 11, defaults: {  }, required: ["body"] }, { since: 13, defaults: {  }, required: ["body"] }, { since: 16, defaults: {  }, required: ["body"] }, { since: 19, defaults: {  }, required: ["body"] }, { since: 21, defaults: {  }, required: ["body"] }, { since: 23, defaults: {  }, required: ["body"] }, { since: 24, defaults: {  }, required: ["body"] }, { since: 25, defaults: {  }, required: ["body"] }] },
    LpNormalization: { domain: "", kinds: { "axis": ["int"], "p": ["int"] }, versions: [{ since: 1, defaults: { "axis": -1, "p": 2 }, required: [] }, { since: 22, defaults: { "axis": -1, "p": 2 }, required: [] }] },
    LpPool: { domain: "", kinds: { "auto_pad": ["string"], "ceil_mode": ["int"], "dilations": ["ints"], "kernel_shape": ["ints"], "p": ["float","int"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 1, defaults: { "auto_pad": "NOTSET", "p": 2 }, required: [] }, { since: 2, defaults: { "auto_pad": "NOTSET", "p": 2 }, required: ["kernel_shape"] }, { since: 11, defaults: { "auto_pad": "NOTSET", "p": 2 }, required: ["kernel_shape"] }, { since: 18, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "p": 2 }, required: ["kernel_shape"] }, { since: 22, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "p": 2 }, required: ["kernel_shape"] }] },
    MatMul: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    MatMulInteger: { domain: "", kinds: {  }, versions: [{ since: 10, defaults: {  }, required: [] }] },
    Max: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 8, defaults: {  }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    MaxPool: { domain: "", kinds: { "auto_pad": ["string"], "ceil_mode": ["int"], "dilations": ["ints"], "kernel_shape": ["ints"], "pads": ["ints"], "storage_order": ["int"], "strides": ["ints"] }, versions: [{ since: 1, defaults: { "auto_pad": "NOTSET" }, required: ["kernel_shape"] }, { since: 8, defaults: { "auto_pad": "NOTSET", "storage_order": 0 }, required: ["kernel_shape"] }, { since: 10, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "storage_order": 0 }, required: ["kernel_shape"] }, { since: 11, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "storage_order": 0 }, required: ["kernel_shape"] }, { since: 12, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "storage_order": 0 }, required: ["kernel_shape"] }, { since: 22, defaults: { "auto_pad": "NOTSET", "ceil_mode": 0, "storage_order": 0 }, required: ["kernel_shape"] }] },
    MaxRoiPool: { domain: "", kinds: { "pooled_shape": ["ints"], "spatial_scale": ["float"] }, versions: [{ since: 1, defaults: { "spatial_scale": 1 }, required: ["pooled_shape"] }, { since: 22, defaults: { "spatial_scale": 1 }, required: ["pooled_shape"] }] },
    MaxUnpool: { domain: "", kinds: { "kernel_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 9, defaults: {  }, required: ["kernel_shape"] }, { since: 11, defaults: {  }, required: ["kernel_shape"] }, { since: 22, defaults: {  }, required: ["kernel_shape"] }] },
    Mean: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 8, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    MeanVarianceNormalization: { domain: "", kinds: { "axes": ["ints"] }, versions: [{ since: 9, defaults: { "axes": [0,2,3] }, required: [] }, { since: 13, defaults: { "axes": [0,2,3] }, required: [] }] },
    MelWeightMatrix: { domain: "", kinds: { "output_datatype": ["int"] }, versions: [{ since: 17, defaults: { "output_datatype": 1 }, required: [] }] },
    Min: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 8, defaults: {  }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Mish: { domain: "", kinds: {  }, versions: [{ since: 18, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Mod: { domain: "", kinds: { "fmod": ["int"] }, versions: [{ since: 10, defaults: { "fmod": 0 }, required: [] }, { since: 13, defaults: { "fmod": 0 }, required: [] }, { since: 28, defaults: { "fmod": 0 }, required: [] }] },
    Mul: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 6, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }] },
    Multinomial: { domain: "", kinds: { "dtype": ["int"], "sample_size": ["int"], "seed": ["float"] }, versions: [{ since: 7, defaults: { "dtype": 6, "sample_size": 1 }, required: [] }, { since: 22, defaults: { "dtype": 6, "sample_size": 1 }, required: [] }] },
    Neg: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    NegativeLogLikelihoodLoss: { domain: "", kinds: { "ignore_index": ["int"], "reduction": ["string"] }, versions: [{ since: 12, defaults: { "reduction": "mean" }, required: [] }, { since: 13, defaults: { "reduction": "mean" }, required: [] }, { since: 22, defaults: { "reduction": "mean" }, required: [] }] },
    NonMaxSuppression: { domain: "", kinds: { "center_point_box": ["int"] }, versions: [{ since: 10, defaults: { "center_point_box": 0 }, required: [] }, { since: 11, defaults: { "center_point_box": 0 }, required: [] }] },
    NonZero: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Not: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    OneHot: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 9, defaults: { "axis": -1 }, required: [] }, { since: 11, defaults: { "axis": -1 }, required: [] }, { since: 28, defaults: { "axis": -1 }, required: [] }] },
    Optional: { domain: "", kinds: {  }, versions: [{ since: 15, defaults: {  }, required: [] }, { since: 28, defaults: {  }, required: [] }] },
    OptionalGetElement: { domain: "", kinds: {  }, versions: [{ since: 15, defaults: {  }, required: [] }, { since: 18, defaults: {  }, required: [] }, { since: 28, defaults: {  }, required: [] }] },
    OptionalHasElement: { domain: "", kinds: {  }, versions: [{ since: 15, defaults: {  }, required: [] }, { since: 18, defaults: {  }, required: [] }, { since: 28, defaults: {  }, required: [] }] },
    Or: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }] },
    PRelu: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 9, defaults: {  }, required: [] }, { since: 16, defaults: {  }, required: [] }] },
    Pad: { domain: "", kinds: { "mode": ["string"], "paddings": ["ints"], "pads": ["ints"], "value": ["float"] }, versions: [{ since: 1, defaults: { "mode": "constant", "value": 0 }, required: ["paddings"] }, { since: 2, defaults: { "mode": "constant", "value": 0 }, required: ["pads"] }, { since: 11, defaults: { "mode": "constant" }, required: [] }, { since: 13, defaults: { "mode": "constant" }, required: [] }, { since: 18, defaults: { "mode": "constant" }, required: [] }, { since: 19, defaults: { "mode": "constant" }, required: [] }, { since: 21, defaults: { "mode": "constant" }, required: [] }, { since: 23, defaults: { "mode": "constant" }, required: [] }, { since: 24, defaults: { "mode": "constant" }, required: [] }, { since: 25, defaults: { "mode": "constant" }, required: [] }] },
    ParametricSoftplus: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Pow: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 12, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 15, defaults: {  }, required: [] }] },
    QLinearConv: { domain: "", kinds: { "auto_pad": ["string"], "dilations": ["ints"], "group": ["int"], "kernel_shape": ["ints"], "pads": ["ints"], "strides": ["ints"] }, versions: [{ since: 10, defaults: { "auto_pad": "NOTSET", "group": 1 }, required: [] }] },
    QLinearMatMul: { domain: "", kinds: {  }, versions: [{ since: 10, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }] },
    QuantizeLinear: { domain: "", kinds: { "axis": ["int"], "block_size": ["int"], "output_dtype": ["int"], "precision": ["int"], "saturate": ["int"] }, versions: [{ since: 10, defaults: {  }, required: [] }, { since: 13, defaults: { "axis": 1 }, required: [] }, { since: 19, defaults: { "axis": 1, "saturate": 1 }, required: [] }, { since: 21, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0, "saturate": 1 }, required: [] }, { since: 23, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0, "precision": 0, "saturate": 1 }, required: [] }, { since: 24, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0, "precision": 0, "saturate": 1 }, required: [] }, { since: 25, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0, "precision": 0, "saturate": 1 }, required: [] }, { since: 28, defaults: { "axis": 1, "block_size": 0, "output_dtype": 0, "precision": 0, "saturate": 1 }, required: [] }] },
    RMSNormalization: { domain: "", kinds: { "axis": ["int"], "epsilon": ["float"], "stash_type": ["int"] }, versions: [{ since: 23, defaults: { "axis": -1, "epsilon": 0.00001, "stash_type": 1 }, required: [] }] },
    RNN: { domain: "", kinds: { "activation_alpha": ["floats"], "activation_beta": ["floats"], "activations": ["strings"], "clip": ["float"], "direction": ["string"], "hidden_size": ["int"], "layout": ["int"], "output_sequence": ["int"] }, versions: [{ since: 1, defaults: { "activations": ["Tanh","Tanh"], "direction": "forward", "output_sequence": 0 }, required: [] }, { since: 7, defaults: { "activations": ["Tanh","Tanh"], "direction": "forward" }, required: [] }, { since: 14, defaults: { "activations": ["Tanh","Tanh"], "direction": "forward", "layout": 0 }, required: [] }, { since: 22, defaults: { "activations": ["Tanh","Tanh"], "direction": "forward", "layout": 0 }, required: [] }] },
    RandomNormal: { domain: "", kinds: { "dtype": ["int"], "mean": ["float"], "scale": ["float"], "seed": ["float"], "shape": ["ints"] }, versions: [{ since: 1, defaults: { "dtype": 1, "mean": 0, "scale": 1 }, required: ["shape"] }, { since: 22, defaults: { "dtype": 1, "mean": 0, "scale": 1 }, required: ["shape"] }] },
    RandomNormalLike: { domain: "", kinds: { "dtype": ["int"], "mean": ["float"], "scale": ["float"], "seed": ["float"] }, versions: [{ since: 1, defaults: { "mean": 0, "scale": 1 }, required: [] }, { since: 22, defaults: { "mean": 0, "scale": 1 }, required: [] }] },
    RandomUniform: { domain: "", kinds: { "dtype": ["int"], "high": ["float"], "low": ["float"], "seed": ["float"], "shape": ["ints"] }, versions: [{ since: 1, defaults: { "dtype": 1, "high": 1, "low": 0 }, required: ["shape"] }, { since: 22, defaults: { "dtype": 1, "high": 1, "low": 0 }, required: ["shape"] }] },
    RandomUniformLike: { domain: "", kinds: { "dtype": ["int"], "high": ["float"], "low": ["float"], "seed": ["float"] }, versions: [{ since: 1, defaults: { "high": 1, "low": 0 }, required: [] }, { since: 22, defaults: { "high": 1, "low": 0 }, required: [] }] },
    Range: { domain: "", kinds: { "stash_type": ["int"] }, versions: [{ since: 11, defaults: {  }, required: [] }, { since: 27, defaults: { "stash_type": 1 }, required: [] }] },
    Reciprocal: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    ReduceL1: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceL2: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceLogSum: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }, { since: 28, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceLogSumExp: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }, { since: 28, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceMax: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 12, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }, { since: 20, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceMean: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceMin: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 12, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }, { since: 20, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceProd: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceSum: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    ReduceSumSquare: { domain: "", kinds: { "axes": ["ints"], "keepdims": ["int"], "noop_with_empty_axes": ["int"] }, versions: [{ since: 1, defaults: { "keepdims": 1 }, required: [] }, { since: 11, defaults: { "keepdims": 1 }, required: [] }, { since: 13, defaults: { "keepdims": 1 }, required: [] }, { since: 18, defaults: { "keepdims": 1, "noop_with_empty_axes": 0 }, required: [] }] },
    RegexFullMatch: { domain: "", kinds: { "pattern": ["string"] }, versions: [{ since: 20, defaults: {  }, required: [] }] },
    Relu: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }] },
    Reshape: { domain: "", kinds: { "allowzero": ["int"], "consumed_inputs": ["ints"], "shape": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 5, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: { "allowzero": 0 }, required: [] }, { since: 19, defaults: { "allowzero": 0 }, required: [] }, { since: 21, defaults: { "allowzero": 0 }, required: [] }, { since: 23, defaults: { "allowzero": 0 }, required: [] }, { since: 24, defaults: { "allowzero": 0 }, required: [] }, { since: 25, defaults: { "allowzero": 0 }, required: [] }] },
    Resize: { domain: "", kinds: { "antialias": ["int"], "axes": ["ints"], "coordinate_transformation_mode": ["string"], "cubic_coeff_a": ["float"], "exclude_outside": ["int"], "extrapolation_value": ["float"], "keep_aspect_ratio_policy": ["string"], "mode": ["string"], "nearest_mode": ["string"] }, versions: [{ since: 10, defaults: { "mode": "nearest" }, required: [] }, { since: 11, defaults: { "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0, "mode": "nearest", "nearest_mode": "round_prefer_floor" }, required: [] }, { since: 13, defaults: { "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0, "mode": "nearest", "nearest_mode": "round_prefer_floor" }, required: [] }, { since: 18, defaults: { "antialias": 0, "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0, "keep_aspect_ratio_policy": "stretch", "mode": "nearest", "nearest_mode": "round_prefer_floor" }, required: [] }, { since: 19, defaults: { "antialias": 0, "coordinate_transformation_mode": "half_pixel", "cubic_coeff_a": -0.75, "exclude_outside": 0, "extrapolation_value": 0, "keep_aspect_ratio_policy": "stretch", "mode": "nearest", "nearest_mode": "round_prefer_floor" }, required: [] }] },
    ReverseSequence: { domain: "", kinds: { "batch_axis": ["int"], "time_axis": ["int"] }, versions: [{ since: 10, defaults: { "batch_axis": 1, "time_axis": 0 }, required: [] }, { since: 28, defaults: { "batch_axis": 1, "time_axis": 0 }, required: [] }] },
    RoiAlign: { domain: "", kinds: { "coordinate_transformation_mode": ["string"], "mode": ["string"], "output_height": ["int"], "output_width": ["int"], "sampling_ratio": ["int"], "spatial_scale": ["float"] }, versions: [{ since: 10, defaults: { "mode": "avg", "output_height": 1, "output_width": 1, "sampling_ratio": 0, "spatial_scale": 1 }, required: [] }, { since: 16, defaults: { "coordinate_transformation_mode": "half_pixel", "mode": "avg", "output_height": 1, "output_width": 1, "sampling_ratio": 0, "spatial_scale": 1 }, required: [] }, { since: 22, defaults: { "coordinate_transformation_mode": "half_pixel", "mode": "avg", "output_height": 1, "output_width": 1, "sampling_ratio": 0, "spatial_scale": 1 }, required: [] }] },
    RotaryEmbedding: { domain: "", kinds: { "interleaved": ["int"], "num_heads": ["int"], "rotary_embedding_dim": ["int"] }, versions: [{ since: 23, defaults: { "interleaved": 0, "rotary_embedding_dim": 0 }, required: [] }] },
    Round: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    STFT: { domain: "", kinds: { "onesided": ["int"] }, versions: [{ since: 17, defaults: { "onesided": 1 }, required: [] }] },
    Scale: { domain: "", kinds: { "scale": ["float"] }, versions: [{ since: 1, defaults: { "scale": 1 }, required: [] }] },
    ScaledTanh: { domain: "", kinds: { "alpha": ["float"], "beta": ["float"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Scan: { domain: "", kinds: { "body": ["graph"], "directions": ["ints"], "num_scan_inputs": ["int"], "scan_input_axes": ["ints"], "scan_input_directions": ["ints"], "scan_output_axes": ["ints"], "scan_output_directions": ["ints"] }, versions: [{ since: 8, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 9, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 11, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 16, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 19, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 21, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 23, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 24, defaults: {  }, required: ["body","num_scan_inputs"] }, { since: 25, defaults: {  }, required: ["body","num_scan_inputs"] }] },
    Scatter: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 9, defaults: { "axis": 0 }, required: [] }, { since: 11, defaults: { "axis": 0 }, required: [] }] },
    ScatterElements: { domain: "", kinds: { "axis": ["int"], "reduction": ["string"] }, versions: [{ since: 11, defaults: { "axis": 0 }, required: [] }, { since: 13, defaults: { "axis": 0 }, required: [] }, { since: 16, defaults: { "axis": 0, "reduction": "none" }, required: [] }, { since: 18, defaults: { "axis": 0, "reduction": "none" }, required: [] }] },
    ScatterND: { domain: "", kinds: { "reduction": ["string"] }, versions: [{ since: 11, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 16, defaults: { "reduction": "none" }, required: [] }, { since: 18, defaults: { "reduction": "none" }, required: [] }] },
    Selu: { domain: "", kinds: { "alpha": ["float"], "consumed_inputs": ["ints"], "gamma": ["float"] }, versions: [{ since: 1, defaults: { "alpha": 1.6732, "gamma": 1.0507 }, required: [] }, { since: 6, defaults: { "alpha": 1.6732632, "gamma": 1.050701 }, required: [] }, { since: 22, defaults: { "alpha": 1.6732632, "gamma": 1.050701 }, required: [] }] },
    SequenceAt: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceConstruct: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceEmpty: { domain: "", kinds: { "dtype": ["int"] }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceErase: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceInsert: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceLength: { domain: "", kinds: {  }, versions: [{ since: 11, defaults: {  }, required: [] }] },
    SequenceMap: { domain: "", kinds: { "body": ["graph"] }, versions: [{ since: 17, defaults: {  }, required: ["body"] }] },
    Shape: { domain: "", kinds: { "end": ["int"], "start": ["int"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 15, defaults: { "start": 0 }, required: [] }, { since: 19, defaults: { "start": 0 }, required: [] }, { since: 21, defaults: { "start": 0 }, required: [] }, { since: 23, defaults: { "start": 0 }, required: [] }, { since: 24, defaults: { "start": 0 }, required: [] }, { since: 25, defaults: { "start": 0 }, required: [] }] },
    Shrink: { domain: "", kinds: { "bias": ["float"], "lambd": ["float"] }, versions: [{ since: 9, defaults: { "bias": 0, "lambd": 0.5 }, required: [] }] },
    Sigmoid: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Sign: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Sin: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Sinh: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Size: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 19, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    Slice: { domain: "", kinds: { "axes": ["ints"], "ends": ["ints"], "starts": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: ["ends","starts"] }, { since: 10, defaults: {  }, required: [] }, { since: 11, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Softmax: { domain: "", kinds: { "axis": ["int"] }, versions: [{ since: 1, defaults: { "axis": 1 }, required: [] }, { since: 11, defaults: { "axis": 1 }, required: [] }, { since: 13, defaults: { "axis": -1 }, required: [] }] },
    SoftmaxCrossEntropyLoss: { domain: "", kinds: { "ignore_index": ["int"], "reduction": ["string"] }, versions: [{ since: 12, defaults: { "reduction": "mean" }, required: [] }, { since: 13, defaults: { "reduction": "mean" }, required: [] }] },
    Softplus: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Softsign: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    SpaceToDepth: { domain: "", kinds: { "blocksize": ["int"], "mode": ["string"] }, versions: [{ since: 1, defaults: {  }, required: ["blocksize"] }, { since: 13, defaults: {  }, required: ["blocksize"] }, { since: 28, defaults: { "mode": "DCR" }, required: ["blocksize"] }] },
    Split: { domain: "", kinds: { "axis": ["int"], "num_outputs": ["int"], "split": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 2, defaults: { "axis": 0 }, required: [] }, { since: 11, defaults: { "axis": 0 }, required: [] }, { since: 13, defaults: { "axis": 0 }, required: [] }, { since: 18, defaults: { "axis": 0 }, required: [] }] },
    SplitToSequence: { domain: "", kinds: { "axis": ["int"], "keepdims": ["int"] }, versions: [{ since: 11, defaults: { "axis": 0, "keepdims": 1 }, required: [] }, { since: 24, defaults: { "axis": 0, "keepdims": 1 }, required: [] }] },
    Sqrt: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    Squeeze: { domain: "", kinds: { "axes": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 11, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    StringConcat: { domain: "", kinds: {  }, versions: [{ since: 20, defaults: {  }, required: [] }] },
    StringNormalizer: { domain: "", kinds: { "case_change_action": ["string"], "is_case_sensitive": ["int"], "locale": ["string"], "stopwords": ["strings"] }, versions: [{ since: 10, defaults: { "case_change_action": "NONE", "is_case_sensitive": 0 }, required: [] }] },
    StringSplit: { domain: "", kinds: { "delimiter": ["string"], "maxsplit": ["int"] }, versions: [{ since: 20, defaults: {  }, required: [] }] },
    Sub: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"], "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 6, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 14, defaults: {  }, required: [] }] },
    Sum: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 8, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    SwiGLU: { domain: "", kinds: { "alpha": ["float"] }, versions: [{ since: 28, defaults: { "alpha": 1 }, required: [] }] },
    Swish: { domain: "", kinds: { "alpha": ["float"] }, versions: [{ since: 24, defaults: { "alpha": 1 }, required: [] }] },
    Tan: { domain: "", kinds: {  }, versions: [{ since: 7, defaults: {  }, required: [] }, { since: 22, defaults: {  }, required: [] }] },
    Tanh: { domain: "", kinds: { "consumed_inputs": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    TensorScatter: { domain: "", kinds: { "axis": ["int"], "mode": ["string"] }, versions: [{ since: 24, defaults: { "axis": -2, "mode": "linear" }, required: [] }] },
    TfIdfVectorizer: { domain: "", kinds: { "max_gram_length": ["int"], "max_skip_count": ["int"], "min_gram_length": ["int"], "mode": ["string"], "ngram_counts": ["ints"], "ngram_indexes": ["ints"], "pool_int64s": ["ints"], "pool_strings": ["strings"], "weights": ["floats"] }, versions: [{ since: 9, defaults: {  }, required: ["max_gram_length","max_skip_count","min_gram_length","mode","ngram_counts","ngram_indexes"] }] },
    ThresholdedRelu: { domain: "", kinds: { "alpha": ["float"] }, versions: [{ since: 10, defaults: { "alpha": 1 }, required: [] }, { since: 22, defaults: { "alpha": 1 }, required: [] }] },
    Tile: { domain: "", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 6, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }] },
    TopK: { domain: "", kinds: { "axis": ["int"], "k": ["int"], "largest": ["int"], "sorted": ["int"] }, versions: [{ since: 1, defaults: { "axis": -1 }, required: ["k"] }, { since: 10, defaults: { "axis": -1 }, required: [] }, { since: 11, defaults: { "axis": -1, "largest": 1, "sorted": 1 }, required: [] }, { since: 24, defaults: { "axis": -1, "largest": 1, "sorted": 1 }, required: [] }] },
    Transpose: { domain: "", kinds: { "perm": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }, { since: 13, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    Trilu: { domain: "", kinds: { "upper": ["int"] }, versions: [{ since: 14, defaults: { "upper": 1 }, required: [] }] },
    Unique: { domain: "", kinds: { "axis": ["int"], "sorted": ["int"] }, versions: [{ since: 11, defaults: { "sorted": 1 }, required: [] }, { since: 28, defaults: { "sorted": 1 }, required: [] }] },
    Unsqueeze: { domain: "", kinds: { "axes": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: ["axes"] }, { since: 11, defaults: {  }, required: ["axes"] }, { since: 13, defaults: {  }, required: [] }, { since: 21, defaults: {  }, required: [] }, { since: 23, defaults: {  }, required: [] }, { since: 24, defaults: {  }, required: [] }, { since: 25, defaults: {  }, required: [] }] },
    Upsample: { domain: "", kinds: { "height_scale": ["float"], "mode": ["string"], "scales": ["floats"], "width_scale": ["float"] }, versions: [{ since: 1, defaults: { "mode": "nearest" }, required: ["height_scale","width_scale"] }, { since: 7, defaults: { "mode": "nearest" }, required: ["scales"] }, { since: 9, defaults: { "mode": "nearest" }, required: [] }, { since: 10, defaults: { "mode": "nearest" }, required: [] }] },
    Where: { domain: "", kinds: {  }, versions: [{ since: 9, defaults: {  }, required: [] }, { since: 16, defaults: {  }, required: [] }] },
    Xor: { domain: "", kinds: { "axis": ["int"], "broadcast": ["int"] }, versions: [{ since: 1, defaults: { "broadcast": 0 }, required: [] }, { since: 7, defaults: {  }, required: [] }] },
    ArrayFeatureExtractor: { domain: "ai.onnx.ml", kinds: {  }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Binarizer: { domain: "ai.onnx.ml", kinds: { "threshold": ["float"] }, versions: [{ since: 1, defaults: { "threshold": 0 }, required: [] }] },
    CastMap: { domain: "ai.onnx.ml", kinds: { "cast_to": ["string"], "map_form": ["string"], "max_map": ["int"] }, versions: [{ since: 1, defaults: { "cast_to": "TO_FLOAT", "map_form": "DENSE", "max_map": 1 }, required: [] }] },
    CategoryMapper: { domain: "ai.onnx.ml", kinds: { "cats_int64s": ["ints"], "cats_strings": ["strings"], "default_int64": ["int"], "default_string": ["string"] }, versions: [{ since: 1, defaults: { "default_int64": -1, "default_string": "_Unused" }, required: [] }] },
    DictVectorizer: { domain: "ai.onnx.ml", kinds: { "int64_vocabulary": ["ints"], "string_vocabulary": ["strings"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    FeatureVectorizer: { domain: "ai.onnx.ml", kinds: { "inputdimensions": ["ints"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Imputer: { domain: "ai.onnx.ml", kinds: { "imputed_value_floats": ["floats"], "imputed_value_int64s": ["ints"], "replaced_value_float": ["float"], "replaced_value_int64": ["int"] }, versions: [{ since: 1, defaults: { "replaced_value_float": 0, "replaced_value_int64": 0 }, required: [] }] },
    LabelEncoder: { domain: "ai.onnx.ml", kinds: { "classes_strings": ["strings"], "default_float": ["float"], "default_int64": ["int"], "default_string": ["string"], "default_tensor": ["tensor"], "keys_floats": ["floats"], "keys_int64s": ["ints"], "keys_strings": ["strings"], "keys_tensor": ["tensor"], "values_floats": ["floats"], "values_int64s": ["ints"], "values_strings": ["strings"], "values_tensor": ["tensor"] }, versions: [{ since: 1, defaults: { "default_int64": -1, "default_string": "_Unused" }, required: [] }, { since: 2, defaults: { "default_float": 0, "default_int64": -1, "default_string": "_Unused" }, required: [] }, { since: 4, defaults: { "default_float": 0, "default_int64": -1, "default_string": "_Unused" }, required: [] }] },
    LinearClassifier: { domain: "ai.onnx.ml", kinds: { "classlabels_ints": ["ints"], "classlabels_strings": ["strings"], "coefficients": ["floats"], "intercepts": ["floats"], "multi_class": ["int"], "post_transform": ["string"] }, versions: [{ since: 1, defaults: { "multi_class": 0, "post_transform": "NONE" }, required: ["coefficients"] }] },
    LinearRegressor: { domain: "ai.onnx.ml", kinds: { "coefficients": ["floats"], "intercepts": ["floats"], "post_transform": ["string"], "targets": ["int"] }, versions: [{ since: 1, defaults: { "post_transform": "NONE", "targets": 1 }, required: [] }] },
    Normalizer: { domain: "ai.onnx.ml", kinds: { "norm": ["string"] }, versions: [{ since: 1, defaults: { "norm": "MAX" }, required: [] }] },
    OneHotEncoder: { domain: "ai.onnx.ml", kinds: { "cats_int64s": ["ints"], "cats_strings": ["strings"], "zeros": ["int"] }, versions: [{ since: 1, defaults: { "zeros": 1 }, required: [] }] },
    SVMClassifier: { domain: "ai.onnx.ml", kinds: { "classlabels_ints": ["ints"], "classlabels_strings": ["strings"], "coefficients": ["floats"], "kernel_params": ["floats"], "kernel_type": ["string"], "post_transform": ["string"], "prob_a": ["floats"], "prob_b": ["floats"], "rho": ["floats"], "support_vectors": ["floats"], "vectors_per_class": ["ints"] }, versions: [{ since: 1, defaults: { "kernel_type": "LINEAR", "post_transform": "NONE" }, required: [] }] },
    SVMRegressor: { domain: "ai.onnx.ml", kinds: { "coefficients": ["floats"], "kernel_params": ["floats"], "kernel_type": ["string"], "n_supports": ["int"], "one_class": ["int"], "post_transform": ["string"], "rho": ["floats"], "support_vectors": ["floats"] }, versions: [{ since: 1, defaults: { "kernel_type": "LINEAR", "n_supports": 0, "one_class": 0, "post_transform": "NONE" }, required: [] }] },
    Scaler: { domain: "ai.onnx.ml", kinds: { "offset": ["floats"], "scale": ["floats"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    TreeEnsemble: { domain: "ai.onnx.ml", kinds: { "aggregate_function": ["int"], "leaf_targetids": ["ints"], "leaf_weights": ["tensor"], "membership_values": ["tensor"], "n_targets": ["int"], "nodes_falseleafs": ["ints"], "nodes_falsenodeids": ["ints"], "nodes_featureids": ["ints"], "nodes_hitrates": ["tensor"], "nodes_missing_value_tracks_true": ["ints"], "nodes_modes": ["tensor"], "nodes_splits": ["tensor"], "nodes_trueleafs": ["ints"], "nodes_truenodeids": ["ints"], "post_transform": ["int"], "tree_roots": ["ints"] }, versions: [{ since: 5, defaults: { "aggregate_function": 1, "post_transform": 0 }, required: ["leaf_targetids","leaf_weights","nodes_falseleafs","nodes_falsenodeids","nodes_featureids","nodes_modes","nodes_splits","nodes_trueleafs","nodes_truenodeids","tree_roots"] }] },
    TreeEnsembleClassifier: { domain: "ai.onnx.ml", kinds: { "base_values": ["floats"], "base_values_as_tensor": ["tensor"], "class_ids": ["ints"], "class_nodeids": ["ints"], "class_treeids": ["ints"], "class_weights": ["floats"], "class_weights_as_tensor": ["tensor"], "classlabels_int64s": ["ints"], "classlabels_strings": ["strings"], "nodes_falsenodeids": ["ints"], "nodes_featureids": ["ints"], "nodes_hitrates": ["floats"], "nodes_hitrates_as_tensor": ["tensor"], "nodes_missing_value_tracks_true": ["ints"], "nodes_modes": ["strings"], "nodes_nodeids": ["ints"], "nodes_treeids": ["ints"], "nodes_truenodeids": ["ints"], "nodes_values": ["floats"], "nodes_values_as_tensor": ["tensor"], "post_transform": ["string"] }, versions: [{ since: 1, defaults: { "post_transform": "NONE" }, required: [] }, { since: 3, defaults: { "post_transform": "NONE" }, required: [] }, { since: 5, defaults: { "post_transform": "NONE" }, required: [] }] },
    TreeEnsembleRegressor: { domain: "ai.onnx.ml", kinds: { "aggregate_function": ["string"], "base_values": ["floats"], "base_values_as_tensor": ["tensor"], "n_targets": ["int"], "nodes_falsenodeids": ["ints"], "nodes_featureids": ["ints"], "nodes_hitrates": ["floats"], "nodes_hitrates_as_tensor": ["tensor"], "nodes_missing_value_tracks_true": ["ints"], "nodes_modes": ["strings"], "nodes_nodeids": ["ints"], "nodes_treeids": ["ints"], "nodes_truenodeids": ["ints"], "nodes_values": ["floats"], "nodes_values_as_tensor": ["tensor"], "post_transform": ["string"], "target_ids": ["ints"], "target_nodeids": ["ints"], "target_treeids": ["ints"], "target_weights": ["floats"], "target_weights_as_tensor": ["tensor"] }, versions: [{ since: 1, defaults: { "aggregate_function": "SUM", "post_transform": "NONE" }, required: [] }, { since: 3, defaults: { "aggregate_function": "SUM", "post_transform": "NONE" }, required: [] }, { since: 5, defaults: { "aggregate_function": "SUM", "post_transform": "NONE" }, required: [] }] },
    ZipMap: { domain: "ai.onnx.ml", kinds: { "classlabels_int64s": ["ints"], "classlabels_strings": ["strings"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    FlexAttention: { domain: "ai.onnx.preview", kinds: { "prob_mod": ["graph"], "scale": ["float"], "score_mod": ["graph"], "softmax_precision": ["int"] }, versions: [{ since: 1, defaults: {  }, required: [] }] },
    Adagrad: { domain: "ai.onnx.preview.training", kinds: { "decay_factor": ["float"], "epsilon": ["float"], "norm_coefficient": ["float"] }, versions: [{ since: 1, defaults: { "decay_factor": 0, "epsilon": 0.000001, "norm_coefficient": 0 }, required: [] }] },
    Adam: { domain: "ai.onnx.preview.training", kinds: { "alpha": ["float"], "beta": ["float"], "epsilon": ["float"], "norm_coefficient": ["float"], "norm_coefficient_post": ["float"] }, versions: [{ since: 1, defaults: { "alpha": 0.9, "beta": 0.999, "epsilon": 0.000001, "norm_coefficient": 0, "norm_coefficient_post": 0 }, required: [] }] },
    Gradient: { domain: "ai.onnx.preview.training", kinds: { "xs": ["strings"], "y": ["string"], "zs": ["strings"] }, versions: [{ since: 1, defaults: {  }, required: ["xs","y"] }] },
    Momentum: { domain: "ai.onnx.preview.training", kinds: { "alpha": ["float"], "beta": ["float"], "mode": ["string"], "norm_coefficient": ["float"] }, versions: [{ since: 1, defaults: {  }, required: ["alpha","beta","mode","norm_coefficient"] }] },
    };
