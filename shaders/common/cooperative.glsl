// Cooperative matrices (SPV_KHR_cooperative_matrix) in a GLSL whose compiler does not know them: Debian 12's glslang (12.0) has no
// GL_KHR_cooperative_matrix, but GL_EXT_spirv_intrinsics, by which types and instructions are declared by their numbers in the SPIR-V
// specification. It lets a type take constants and no types: where the component's type belongs stands its width, which gpu/cooperative.c
// replaces when the module is loaded.
// Include behind #version; a module defines ROWS x COLUMNS x DEPTH, the shape of a product: A is ROWS x DEPTH, B is DEPTH x COLUMNS.
#ifndef COOPERATIVE_GLSL
#define COOPERATIVE_GLSL
#pragma use_vulkan_memory_model
#extension GL_EXT_control_flow_attributes : require
#extension GL_EXT_shader_explicit_arithmetic_types_float16 : require
#extension GL_EXT_spirv_intrinsics : require
#extension GL_KHR_memory_scope_semantics : require
#extension GL_KHR_shader_subgroup_basic : require

// Named constants become operands that are ids; plain numbers would become literals.
const int MATRIX_ROWS = ROWS, MATRIX_COLUMNS = COLUMNS, MATRIX_DEPTH = DEPTH;
const int SCOPE_WORKGROUP = 2, SCOPE_SUBGROUP = 3, USE_A = 0, USE_B = 1, USE_SUM = 2, ROW_MAJOR = 0;
#define MATRIX(width, rows, columns, use) \
    spirv_type(extensions = ["SPV_KHR_cooperative_matrix"], capabilities = [6022], id = 4456, width, SCOPE_SUBGROUP, rows, columns, use)
#define MATRIX_A MATRIX(16, MATRIX_ROWS, MATRIX_DEPTH, USE_A)
#define MATRIX_B MATRIX(16, MATRIX_DEPTH, MATRIX_COLUMNS, USE_B)
#define MATRIX_SUM MATRIX(32, MATRIX_ROWS, MATRIX_COLUMNS, USE_SUM)

// Shared memory that other lanes wrote before a barrier, and that they read behind one.
#define VISIBLE 0x30   // MakePointerVisible | NonPrivatePointer
#define AVAILABLE 0x28 // MakePointerAvailable | NonPrivatePointer
spirv_instruction(id = 4457)
MATRIX_A load_a_of(spirv_by_reference float16_t from, int order, int stride, spirv_literal int access, int scope);
spirv_instruction(id = 4457)
MATRIX_B load_b_of(spirv_by_reference float16_t from, int order, int stride, spirv_literal int access, int scope);
spirv_instruction(id = 4458)
void store_sum_of(spirv_by_reference float to, MATRIX_SUM value, int order, int stride, spirv_literal int access, int scope);
// a b + c
spirv_instruction(id = 4459) MATRIX_SUM multiply_add(MATRIX_A a, MATRIX_B b, MATRIX_SUM c);
spirv_instruction(id = 80) MATRIX_SUM matrix_of(float value); // OpCompositeConstruct
// Rows `stride` numbers apart, from this element of shared memory on.
#define LOAD_A(from, stride) load_a_of(from, ROW_MAJOR, stride, VISIBLE, SCOPE_WORKGROUP)
#define LOAD_B(from, stride) load_b_of(from, ROW_MAJOR, stride, VISIBLE, SCOPE_WORKGROUP)
#define STORE_SUM(to, value, stride) store_sum_of(to, value, ROW_MAJOR, stride, AVAILABLE, SCOPE_WORKGROUP)

// A float32 as the sum of two halves, of 22 bits. Through words: narrowed and widened again, a number may be taken for what it was (Mesa's
// software driver does), and nothing would be left for the second half. What is too large for a half becomes NaN, which no result hides.
vec4 rounded(vec4 v)
{
    return vec4(unpackHalf2x16(packHalf2x16(v.xy)), unpackHalf2x16(packHalf2x16(v.zw)));
}
f16vec4 high_of(vec4 v)
{
    return f16vec4(rounded(v));
}
f16vec4 low_of(vec4 v)
{
    return f16vec4(mix(v - rounded(v), vec4(uintBitsToFloat(0x7fc00000u)), greaterThan(abs(v), vec4(65504.0))));
}
#define PUT(array, at, v)   \
    array[(at)] = (v).x;     \
    array[(at) + 1] = (v).y; \
    array[(at) + 2] = (v).z; \
    array[(at) + 3] = (v).w;

#endif
